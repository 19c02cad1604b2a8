// What is open, as pictures: by status, group and source, with what is overdue.
import { html, useEffect, useState } from '../html.js';
import { href } from '../address.js';
import { ask } from '../api.js';
import { number, t } from '../messages.js';
import { explainUnseen } from '../notices.js';
import { Text } from '../text.js';

const OPEN = 'status: ACCEPTED, ';
const counted = (name, by, filter = '') => `${name}: taskCounts(${filter}groupBy: [${by}]) { status taskGroup { uuid code } source overdue count }`;
const QUERY = `{ ${counted('status', 'STATUS')} ${counted('group', 'TASK_GROUP, OVERDUE', OPEN)} ${counted('source', 'SOURCE, OVERDUE', OPEN)} }`;

/** Bars that are shown at most. */
const SOME = 15;

/** Rows of a picture: how many there are, and how many of them are overdue. */
function gathered(rows, keyOf) {
  const all = new Map();
  for (const row of rows) {
    const { key, label, link } = keyOf(row);
    const sum = all.get(key) ?? { label, link, count: 0, overdue: 0 };
    sum.count += row.count;
    if (row.overdue) sum.overdue += row.count;
    all.set(key, sum);
  }
  return [...all.values()].sort((a, b) => b.count - a.count).slice(0, SOME);
}

function Picture({ title, rows }) {
  const most = Math.max(1, ...rows.map((row) => row.count));
  return html`
    <section class="picture">
      <table>
        <caption>${title}</caption>
        <colgroup><col class="col-name" /><col class="col-number" /><col /></colgroup>
        <thead class="visually-hidden"><tr><th scope="col">${title}</th><th scope="col">${t('overview.count')}</th><th scope="col">${t('overview.bar')}</th></tr></thead>
        <tbody>
          ${rows.map((row) => html`
            <tr key=${row.label}>
              <th scope="row"><a href=${row.link}><${Text} value=${row.label} short=${40} /></a></th>
              <td class="number">${number(row.count)}${row.overdue > 0 && html` <span class="due late">${t('overview.overdue', { count: row.overdue })}</span>`}</td>
              <td class="bars"><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                <rect class="all" width=${(100 * row.count) / most} height="10" /><rect class="overdue" width=${(100 * row.overdue) / most} height="10" /></svg></td>
            </tr>`)}
        </tbody>
      </table>
      ${rows.length === 0 && html`<p class="empty">${t('overview.none')}</p>`}
    </section>`;
}

const link = (changes) => href({ list: 'all', ...changes }, {});

export function Overview() {
  const [data, setData] = useState(null);
  const [failure, setFailure] = useState('');
  useEffect(() => { ask(QUERY).then(setData, (error) => setFailure(explainUnseen(error))); }, []);
  if (failure) return html`<h1>${t('list.overview')}</h1><p class="bad" role="alert">${failure}</p>`;
  if (!data) return html`<h1>${t('list.overview')}</h1><p class="quiet-text">${t('loading')}</p>`;
  const none = t('overview.nothing');
  const status = gathered(data.status, ({ status }) => ({ key: status, label: t(`status.${status}`), link: link({ status }) }));
  const group = gathered(data.group, ({ taskGroup }) => ({ key: taskGroup?.uuid, label: taskGroup?.code ?? none, link: link({ group: taskGroup?.uuid, status: 'ACCEPTED' }) }));
  const source = gathered(data.source, ({ source }) => ({ key: source, label: source ?? none, link: link({ source, status: 'ACCEPTED' }) }));
  const late = data.group.filter((row) => row.overdue).reduce((sum, row) => sum + row.count, 0);
  return html`
    <h1>${t('list.overview')}</h1>
    ${late > 0 ? html`<p class="why bad"><a href=${link({ due: 'overdue' })}>${t('overview.late', { count: late })}</a></p>` : html`<p class="why">${t('empty.late')}</p>`}
    <div class="pictures">
      <${Picture} title=${t('overview.status')} rows=${status} />
      <${Picture} title=${t('overview.group')} rows=${group} />
      <${Picture} title=${t('overview.source')} rows=${source} />
    </div>`;
}
