// Rows of which a page is known: how more of them come.
import { html, useState } from './html.js';
import { explain } from './notices.js';

const nodes = (page) => page.edges.map((edge) => edge.node);

/**
 * The rows of a page, and of those that were asked for beyond it. `page` is a connection of GraphQL, `read(cursor)` asks for the
 * next one, or with `backwards` for the one before.
 */
export function useMore(page, read, { backwards = false } = {}) {
  const cursorOf = ({ pageInfo }) => (backwards ? pageInfo.startCursor : pageInfo.endCursor);
  const goesOn = ({ pageInfo }) => (backwards ? pageInfo.hasPreviousPage : pageInfo.hasNextPage);
  const joined = (near, far) => (backwards ? [...far, ...near] : [...near, ...far]);
  const begun = { at: cursorOf(page), rows: [], last: page, failure: '', waits: false };
  const [state, setState] = useState(begun);
  // Where the page ends elsewhere than before, what lies beyond it begins elsewhere.
  const now = state.at === begun.at ? state : begun;
  const last = now.rows.length ? now.last : page;
  const more = async () => {
    if (now.waits) return;
    setState({ ...now, failure: '', waits: true });
    try {
      const found = await read(cursorOf(last));
      setState({ ...begun, rows: joined(now.rows, nodes(found)), last: found });
    } catch (error) {
      setState({ ...now, failure: explain(error), waits: false });
    }
  };
  return { rows: joined(nodes(page), now.rows), has: goesOn(last), more, failure: now.failure, waits: now.waits };
}

/** The button that asks for more, where there is more. */
export const More = ({ of: { has, more, failure, waits }, label }) => html`
  ${failure && html`<p class="bad" role="alert">${failure}</p>`}
  ${has && html`<p><button type="button" aria-disabled=${waits} onClick=${more}>${label}</button></p>`}`;
