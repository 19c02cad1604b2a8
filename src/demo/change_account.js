// Carries out what was decided on a bank account: answers what the payment office is to be told.
export default async (task) => {
  const { result, task: decided, decisions } = task.data;
  const { payee, account, bank } = decided.data.incoming_data;
  console.log(`${decisions.length} decisions`);
  return result === "COMPLETED" ? { pay: payee, to: account, at: bank } : { keep: payee };
};
