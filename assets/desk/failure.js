// Why something that was asked of the server did not happen.

/** `code` is one of the server's codes, or OFFLINE where nothing answered. */
export class Failure extends Error {
  constructor(code, message, requestId) {
    super(message);
    this.code = code;
    this.requestId = requestId;
  }
}
