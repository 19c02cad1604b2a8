// What can wait until the reader sees something.

/** Long enough for a page that is painted at all; one in the background is not. */
const AT_MOST = 200;

/** When what is there now has been painted. */
export const painted = () =>
  new Promise((resolve) => {
    setTimeout(resolve, AT_MOST);
    requestAnimationFrame(() => setTimeout(resolve));
  });
