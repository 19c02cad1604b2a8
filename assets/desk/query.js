// Writes GraphQL documents whose arguments are those that are given: the server takes an argument that is there for a filter.
const TYPES = {
  awaitingMe: 'Boolean', claimedByMe: 'Boolean', decidedByMe: 'Boolean', overdue: 'Boolean', userCreatedId: 'ID', heldReason: 'TaskHeldReason',
  source: 'String', status: 'TaskStatus', taskGroupId: 'String', flowId: 'ID', entityString_Icontains: 'String',
  priority_Gte: 'Int', dueDate_Gte: 'DateTime', dueDate_Lt: 'DateTime', orderBy: '[String]', first: 'Int', last: 'Int',
  after: 'String', before: 'String',
};

/** The arguments of `task(…)`: how they are declared, how they are passed, and the variables. */
export function taskArguments(given) {
  const names = Object.keys(given).filter((name) => given[name] !== undefined);
  return {
    declared: names.length ? `(${names.map((name) => `$${name}: ${TYPES[name]}`).join(', ')})` : '',
    passed: names.length ? `(${names.map((name) => `${name}: $${name}`).join(', ')})` : '',
    variables: Object.fromEntries(names.map((name) => [name, given[name]])),
  };
}
