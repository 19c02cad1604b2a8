// The records of a task that is decided one by one.
import { isList, isObject } from './compare.js';
import { rendererOf } from './renderers.js';

const KEYS = ['id', 'uuid', 'record_id'];
const NAMES = ['name', 'title', 'label', 'code'];

const keyOf = (item) => KEYS.map((key) => item[key]).find((value) => typeof value === 'string' || typeof value === 'number');

const isRecords = (list) => isList(list) && list.length > 0 && list.every((item) => isObject(item) && keyOf(item) !== undefined);

/** The first list of objects with ids, near the top. */
function find(value, depth = 0) {
  if (isRecords(value)) return value;
  if (!isObject(value) || depth > 2) return null;
  const parts = ['records', 'incoming_data', ...Object.keys(value)].filter((key) => key in value);
  for (const key of parts) {
    const found = find(value[key], depth + 1);
    if (found) return found;
  }
  return null;
}

/** The records of the data: their ids, what they are called, and what is in them. The host's renderer knows better, if it does. */
export function recordsOf(task, data) {
  const own = rendererOf(task.source)?.records;
  if (own) return own(data);
  return (find(data) || []).map((value) => {
    const name = NAMES.map((key) => value[key]).find((text) => typeof text === 'string');
    return { id: String(keyOf(value)), title: name ?? String(keyOf(value)), value };
  });
}
