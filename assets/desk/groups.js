// The groups that the reader may see, for filters.
import { signal } from './html.js';
import { ask } from './api.js';

export const groups = signal([]);

/** A filter of more groups than this would help nobody: then the list of groups finds them. */
const MOST = 2_000;
const QUERY = `query($after: String) { taskGroup(first: 100, after: $after, orderBy: ["code"]) {
  pageInfo { hasNextPage endCursor } edges { node { uuid code taskSources } } } }`;

let asked = false;

/** Reads them once, page by page. */
export async function loadGroups() {
  if (asked) return;
  asked = true;
  let after;
  do {
    const found = await ask(QUERY, { after }, { partly: true }).catch(() => null);
    // Whoever may see no groups gets none; what failed for the network is asked again.
    asked = found !== null;
    if (!found?.taskGroup) return;
    const { edges, pageInfo } = found.taskGroup;
    groups.value = [...groups.value, ...edges.map((edge) => edge.node)];
    after = pageInfo.hasNextPage && pageInfo.endCursor;
  } while (after && groups.value.length < MOST);
}
