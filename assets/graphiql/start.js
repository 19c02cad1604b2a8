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

// A subscription goes over a WebSocket of its own, which the session's cookie opens.
const listen = (body) => ({
  subscribe: (observer) => {
    const address = new URL(`${endpoint}/ws`, window.location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address, "graphql-transport-ws");
    const send = (message) => socket.send(JSON.stringify(message));
    socket.onopen = () => send({ type: "connection_init" });
    socket.onclose = ({ code, reason }) =>
      code === 1000 ? observer.complete() : observer.error(new Error(`closed: ${code} ${reason}`));
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "connection_ack") send({ id: "1", type: "subscribe", payload: body });
      if (message.type === "ping") send({ type: "pong" });
      if (message.type === "next") observer.next(message.payload);
      if (message.type === "complete") socket.close(1000);
    };
    return { unsubscribe: () => socket.close(1000) };
  },
});

const isSubscription = (body, options) => {
  const definitions = (options && options.documentAST && options.documentAST.definitions) || [];
  const operations = definitions.filter((definition) => definition.kind === "OperationDefinition");
  const named = operations.find((operation) => operation.name && operation.name.value === body.operationName);
  return ((named || operations[0] || {}).operation || "query") === "subscription";
};

// Mutations by cookie need the session's token. It is asked for each time, as a login may have begun another session.
const fetcher = (body, options) => (isSubscription(body, options) ? listen(body) : ask(body));

const ask = async (body) => {
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

# And be told of each change, as it happens.
subscription Changes {
  taskChanged {
    cursor
    signal
    uuid
    task {
      version
      status
    }
  }
}
`;

ReactDOM.createRoot(place).render(
  React.createElement(GraphiQL, { fetcher, defaultQuery, shouldPersistHeaders: false }),
);
