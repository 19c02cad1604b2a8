// The groups that the reader may see, for filters and for triage.
import { signal } from './html.js';
import { ask } from './api.js';

export const groups = signal([]);

let asked = false;

/** Reads them once. */
export async function loadGroups() {
  if (asked) return;
  asked = true;
  const found = await ask('{ taskGroup(first: 100, orderBy: ["code"]) { edges { node { uuid code taskSources } } } }', {}, { partly: true }).catch(() => null);
  groups.value = found?.taskGroup?.edges.map((edge) => edge.node) ?? [];
}
