// Compares two values of JSON: which parts were added, removed or changed, and which are the same.

/** A number as it is written, where a number of JavaScript would change it. */
export class Digits {
  constructor(source) {
    this.source = source;
  }
  toString() {
    return this.source;
  }
}

/** Reads JSON without changing a digit, where the browser tells how numbers are written. */
export function parse(text) {
  if (text === null || text === undefined) return undefined;
  return JSON.parse(text, (_, value, context) =>
    typeof value === 'number' && context?.source && String(value) !== context.source ? new Digits(context.source) : value,
  );
}

export const isList = Array.isArray;
export const isObject = (value) => value !== null && typeof value === 'object' && !isList(value) && !(value instanceof Digits);
const isLeaf = (value) => !isObject(value) && !isList(value);

function isSame(one, other) {
  if (one instanceof Digits || other instanceof Digits) return String(one) === String(other);
  return one === other;
}

const leaf = (kind, before, after) => ({ kind, before, after, changes: kind === 'same' ? 0 : 1, leaves: 1 });

/** Compares two values; undefined stands for nothing there. */
export function compare(before, after) {
  if (before !== undefined && after !== undefined) {
    if (isObject(before) && isObject(after)) return group('object', ofObjects(before, after), 'same');
    if (isList(before) && isList(after)) return group('list', ofLists(before, after), 'same');
    if (isLeaf(before) && isLeaf(after)) return leaf(isSame(before, after) ? 'same' : 'changed', before, after);
    // An object in the place of a text: the one goes and the other comes.
    return group('both', [['', compare(before, undefined)], ['', compare(undefined, after)]], 'changed');
  }
  const kind = before === undefined ? 'added' : 'removed';
  const value = before === undefined ? after : before;
  const of = (part) => (before === undefined ? compare(undefined, part) : compare(part, undefined));
  if (isObject(value) && Object.keys(value).length) return group('object', Object.entries(value).map(([key, part]) => [key, of(part)]), kind);
  if (isList(value) && value.length) return group('list', value.map((part, at) => [at, of(part)]), kind);
  return leaf(kind, before, after);
}

function group(shape, parts, kind) {
  const sum = (what) => parts.reduce((total, [, part]) => total + part[what], 0);
  return { shape, parts, kind, changes: sum('changes'), leaves: sum('leaves') };
}

function ofObjects(before, after) {
  const keys = [...Object.keys(before), ...Object.keys(after).filter((key) => !Object.hasOwn(before, key))];
  const part = (value, key) => (Object.hasOwn(value, key) ? value[key] : undefined);
  return keys.map((key) => [key, compare(part(before, key), part(after, key))]);
}

const IDENTITIES = ['id', 'uuid', 'code', 'key', 'name'];

/** What tells the objects of both lists apart, if anything does. */
function identity(before, after) {
  const unique = (list, key) =>
    list.every((item) => isObject(item) && isLeaf(item[key] ?? null) && item[key] != null) &&
    new Set(list.map((item) => String(item[key]))).size === list.length;
  return IDENTITIES.find((key) => unique(before, key) && unique(after, key));
}

/** So many pairs of items are compared with each other; longer lists are compared place by place. */
const PAIRS = 250_000;

function ofLists(before, after) {
  const key = before.length && after.length && identity(before, after);
  if (key) {
    const rest = new Map(before.map((item) => [String(item[key]), item]));
    const parts = after.map((item) => {
      const old = rest.get(String(item[key]));
      rest.delete(String(item[key]));
      return [String(item[key]), compare(old, item)];
    });
    return [...parts, ...[...rest].map(([name, item]) => [name, compare(item, undefined)])];
  }
  if (before.length * after.length > PAIRS || ![...before, ...after].every(isLeaf)) {
    const length = Math.max(before.length, after.length);
    return Array.from({ length }, (_, at) => [at, compare(before[at], after[at])]);
  }
  return aligned(before, after);
}

/** Items of two lists of texts and numbers, so that as many as possible stay. */
function aligned(before, after) {
  const width = after.length + 1;
  const longest = new Uint32Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = after.length - 1; j >= 0; j -= 1) {
      longest[i * width + j] = isSame(before[i], after[j])
        ? longest[(i + 1) * width + j + 1] + 1
        : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    }
  }
  const parts = [];
  for (let i = 0, j = 0; i < before.length || j < after.length; ) {
    if (i < before.length && j < after.length && isSame(before[i], after[j])) {
      parts.push([j, compare(before[i++], after[j++])]);
    } else if (j >= after.length || (i < before.length && longest[(i + 1) * width + j] >= longest[i * width + j + 1])) {
      parts.push([i, compare(before[i++], undefined)]);
    } else {
      parts.push([j, compare(undefined, after[j++])]);
    }
  }
  return parts;
}

const isFlat = ([, part]) => !part.parts;

/** The rows of a comparison from top to bottom: each with its path, its depth and what is there. */
export function* rows(node, { unchanged }, key = null, depth = 0, inList = false) {
  if (!unchanged && node.changes === 0) return;
  if (!node.parts) {
    yield { key, depth, inList, node };
    return;
  }
  if (key !== null && key !== '') yield { key, depth, inList, node, isGroup: true };
  // What has no parts comes first, so that a heading is above its own parts only.
  const parts = node.shape === 'object' ? [...node.parts.filter(isFlat), ...node.parts.filter((part) => !isFlat(part))] : node.parts;
  for (const [name, part] of parts) {
    yield* rows(part, { unchanged }, name === '' ? key : name, key === null ? 0 : depth + 1, node.shape === 'list');
  }
}
