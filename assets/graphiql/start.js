"use strict";

const place = document.getElementById("graphiql");
const endpoint = place.dataset.endpoint;

const post = async (body, csrfToken) => {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken },
    body: JSON.stringify(body),
  });
  return response.json();
};

// Mutations by cookie need the session's token. It is asked for each time, as a login may have begun another session.
const fetcher = async (body) => {
  const answer = await post({ query: "mutation { getCsrfToken { csrfToken } }" }, "null");
  const csrfToken = answer.data && answer.data.getCsrfToken ? answer.data.getCsrfToken.csrfToken : "null";
  return post(body, csrfToken);
};

const defaultQuery = `# Log in first: the session is kept in a cookie of this browser.
mutation LogIn {
  tokenAuth(username: "admin", password: "admin123") {
    refreshExpiresIn
  }
}

# Then see what waits for a decision.
query Waiting {
  task(status: ACCEPTED, first: 10, orderBy: ["-dateCreated"]) {
    totalCount
    edges {
      node {
        uuid
        source
        businessEvent
        entityString
        businessStatus
        taskGroup {
          code
          completionPolicy
        }
      }
    }
  }
}
`;

ReactDOM.createRoot(place).render(
  React.createElement(GraphiQL, { fetcher, defaultQuery, shouldPersistHeaders: false }),
);
