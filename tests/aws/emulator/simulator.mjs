// A second judge of the policies, beside the emulator's own: it knows each action's types of resources.
//
//     node simulator.mjs < {"account": ..., "questions": [{"principal", "policies", "keyPolicy", "action", "resource"}]}
//
// Prints a list of Allowed, ImplicitlyDenied, ExplicitlyDenied, or what is wrong with the question.
import { readFileSync } from 'node:fs'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const asked = JSON.parse(readFileSync(0, 'utf-8'))
const everything = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }
const answers = []
for (const { principal, policies, keyPolicy, action, resource, context } of asked.questions) {
  const found = await runSimulation(
    {
      request: {
        principal,
        action,
        resource: { resource, accountId: asked.account },
        contextVariables: context ?? {}
      },
      identityPolicies: policies.map((policy, index) => ({ name: `${index}`, policy })),
      serviceControlPolicies: [{ orgIdentifier: 'account', policies: [{ name: 'all', policy: everything }] }],
      resourceControlPolicies: [],
      resourcePolicy: keyPolicy ?? undefined
    },
    {}
  )
  answers.push(found.resultType === 'error' ? JSON.stringify(found.errors) : found.overallResult)
}
process.stdout.write(JSON.stringify(answers))
