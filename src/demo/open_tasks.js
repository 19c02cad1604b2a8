// Counts the open tasks of each source, as the function's account sees them.
export default async (task, { graphql }) => {
  const { data, errors } = await graphql("{ taskCounts(groupBy: [SOURCE]) { source count } }");
  if (errors) throw new Error(errors[0].message);
  console.log(`${data.taskCounts.length} sources`);
  return data.taskCounts;
};
