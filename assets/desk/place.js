// What the server wrote into the page: where its interface is, and what the host wants of the desk.
const said = document.querySelector('meta[name="desk"]').dataset;

/** The path of GraphQL, and of what is beside it. */
export const endpoint = new URL(said.endpoint, location.href).pathname;
export const currentUser = endpoint.replace(/graphql$/, 'core/users/current_user/');
export const socket = `${endpoint}/ws`;

/** The name that the host gives the desk, its logo, its own page to log in, and its module of renderers. */
export const title = said.title;
export const logo = said.logo;
export const loginPage = said.login;
export const extension = said.extension;

/** Whether the server sends mails: a link by which to set a password comes by one. */
export const mails = said.mails === 'on';

/** Whom a click logs in, as `name:password:role` by line, with the role in each language between tabs; the demo alone says so. */
export const people = (said.people || '').split('\n').filter(Boolean).map((line) => {
  const [name, password, ...what] = line.split(':');
  return [name, password, what.join(':').split('\t')];
});

/** The folder of the desk's own files. */
export const folder = new URL('.', import.meta.url).pathname;
