// What a host adds: renderers for the data of its sources. The module that `desk.extension` names exports a function, which
// is given `register(source, renderer)` and the tools of the desk. A renderer may have two parts, both optional:
//   data({ task, data, html, Text })  what is shown in the place of the comparison: an element of the desk or of the DOM
//   records(data)                     the records that are decided one by one: [{ id, title, value }]
import { html, signal, useEffect, useRef } from './html.js';
import { extension } from './place.js';
import { Text } from './text.js';

const renderers = signal(new Map());

const register = (source, renderer) => (renderers.value = new Map(renderers.value).set(source, renderer));

/** Loads the host's module. Without it, or if it fails, data is shown as it is. */
export async function loadExtension() {
  if (!extension) return;
  try {
    const module = await import(new URL(extension, location.href).href);
    module.default({ register, html, Text });
  } catch (error) {
    console.error('desk.extension', error);
  }
}

export const rendererOf = (source) => renderers.value.get(source);

/** An element of the DOM among those of the desk. */
function Foreign({ node }) {
  const place = useRef();
  useEffect(() => place.current.replaceChildren(node), [node]);
  return html`<div ref=${place}></div>`;
}

/** What the host's renderer makes of the data; nothing if there is none or if it fails. */
export function rendered(task, data) {
  const renderer = rendererOf(task.source);
  if (!renderer?.data) return null;
  try {
    const made = renderer.data({ task, data, html, Text });
    return made instanceof Node ? html`<${Foreign} node=${made} />` : made;
  } catch (error) {
    console.error('desk.extension', error);
    return null;
  }
}
