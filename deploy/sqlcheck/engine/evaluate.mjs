// Executes GoogleSQL queries with the reference implementation of ZetaSQL.
//
//     node evaluate.mjs queries.json answers.json
//
// The first file has an object of queries by name. The second gets the answers
// by name: an array of the values of the first column, which has to be a STRING,
// or the error as a string.
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import { LanguageOptions, ZetaSQLClient, runServer, terminateServer } from '@fivetrandevelopers/zetasql';

// The server takes a port and does not say which one it got for 0.
async function freePort() {
  const server = createServer();
  await promisify(server.listen.bind(server))(0, 'localhost');
  const { port } = server.address();
  await promisify(server.close.bind(server))();
  return port;
}

async function options() {
  const language = await new LanguageOptions().enableMaximumLanguageFeatures();
  return { languageOptions: { ...language.serialize(), productMode: 'PRODUCT_EXTERNAL' }, defaultTimezone: 'UTC' };
}

function strings({ content }) {
  return (content.tableData?.row ?? []).map(({ cell }) => cell[0].stringValue);
}

const [from, to] = process.argv.slice(2);
const queries = JSON.parse(await readFile(from, 'utf8'));
const port = await freePort();
runServer(port);
try {
  ZetaSQLClient.init(port);
  if (!await ZetaSQLClient.getInstance().testConnection()) throw new Error('the server does not answer');
  const evaluate = promisify(ZetaSQLClient.API.evaluateQuery.bind(ZetaSQLClient.API));
  const analyzer = await options();
  const common = { options: analyzer, simpleCatalog: { builtinFunctionOptions: { languageOptions: analyzer.languageOptions } } };
  const answers = {};
  for (const [name, sql] of Object.entries(queries)) {
    answers[name] = await evaluate({ sql, ...common }).then(strings, (error) => error.details ?? String(error));
  }
  await writeFile(to, JSON.stringify(answers));
} finally {
  terminateServer();
}
process.exit(0);
