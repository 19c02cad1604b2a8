// What a function finds beside the language. It keeps what it needs of the language for itself, because a function may change that.
(function (say, ask, environmentText, lineLength, questionLength, resultLength) {
  "use strict";
  const { parse, stringify } = JSON;
  const { freeze } = Object;
  const PlainError = Error;
  const PlainTypeError = TypeError;
  const bound = (method) => Function.prototype.call.bind(method);
  const wellFormed = bound(String.prototype.toWellFormed);
  const slice = bound(String.prototype.slice);
  const join = bound(Array.prototype.join);
  const map = bound(Array.prototype.map);
  const get = bound(Map.prototype.get);
  const set = bound(Map.prototype.set);
  const remove = bound(Map.prototype.delete);
  const text = String;
  const waiting = new Map();

  function named(name, message) {
    const error = new PlainError(message);
    error.name = name;
    return error;
  }

  function shown(value) {
    if (typeof value === "string") return value;
    if (value instanceof PlainError) return `${value.name}: ${value.message}`;
    try {
      const json = stringify(value);
      return json === undefined ? text(value) : json;
    } catch {
      return text(value);
    }
  }

  const log = (...values) => say(wellFormed(slice(join(map(values, shown), " "), 0, lineLength)));
  globalThis.console = freeze({ log, debug: log, info: log, warn: log, error: log });

  function graphql(query, variables) {
    return new Promise((resolve, reject) => {
      if (typeof query !== "string") throw new TypeError("context.graphql needs a document, a text");
      const given = variables === undefined || variables === null ? undefined : stringify(variables);
      if (query.length + (given?.length ?? 0) > questionLength) {
        throw named("tooLarge", `a document with its variables has ${questionLength} characters at most`);
      }
      const number = ask(wellFormed(query), given === undefined ? undefined : wellFormed(given));
      set(waiting, number, { resolve, reject });
    });
  }

  const context = freeze({ environment: freeze(parse(environmentText)), graphql });

  return {
    async run(main, taskText) {
      if (typeof main !== "function") {
        throw named("noFunction", "the module has no function as its default export: export default async (task, context) => …");
      }
      const result = await main(parse(taskText), context);
      let json;
      try {
        json = stringify(result === undefined ? null : result);
      } catch (error) {
        if (!(error instanceof PlainTypeError)) throw error;
        throw named("notSerializable", `the result is no JSON: ${error.message}`);
      }
      if (json === undefined) throw named("notSerializable", `the result is no JSON, but a ${typeof result}`);
      if (json.length > resultLength) {
        throw named("invalidResult", `the result has ${json.length} characters, ${resultLength} bytes are allowed`);
      }
      return json;
    },
    answer(number, answerText, name) {
      const { resolve, reject } = get(waiting, number);
      remove(waiting, number);
      if (name === undefined) resolve(parse(answerText));
      else reject(named(name, answerText));
    },
    describe(error) {
      const of = (value) => wellFormed(slice(text(value), 0, 2000));
      const isNamed = error !== null && typeof error === "object";
      // Without a prototype, which a function may have changed.
      return isNamed
        ? { __proto__: null, name: of(error.name ?? "Error"), message: of(error.message ?? "") }
        : { __proto__: null, name: "Error", message: of(error) };
    },
  };
});
