// The package googleapis, which Node tools for AMAPI are made with, behind a pipe: a line of JSON for each call, a line for its answer.
import { createInterface } from "node:readline";
import { google } from "googleapis";

const amapi = google.androidmanagement({ version: "v1", rootUrl: `${process.env.HELIOGRAPH_URL}/` });

for await (const line of createInterface({ input: process.stdin })) {
  const { call, arguments: { body, ...parameters } } = JSON.parse(line);
  const path = call.split(".");
  const verb = path.pop();
  const resource = path.reduce((found, part) => found[part], amapi);
  try {
    const { data } = await resource[verb](body === undefined ? parameters : { ...parameters, requestBody: body });
    console.log(JSON.stringify({ answer: data }));
  } catch (error) {
    if (!error.response) throw error;
    const { code, message } = error.response.data.error;
    console.log(JSON.stringify({ error: { code, message } }));
  }
}
