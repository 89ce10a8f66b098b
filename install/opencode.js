// This is etch's plugin for OpenCode: it hands what OpenCode tells its plugins to
// "etch hook", which records it. "etch install opencode" writes this file, and
// "etch install --uninstall opencode" removes it.
import { spawn } from "node:child_process"

const command = ["etch", "hook", "opencode"]
const patience = 5000 // milliseconds
const events = new Set(["session.created", "session.deleted", "session.idle", "session.error", "permission.asked", "permission.replied"])

// tell waits until the hook's process has ended: what it was told is recorded
// then. Whatever goes wrong with it, OpenCode goes on.
const tell = (hook, cwd, input, output) => new Promise((done) => {
  let said = "", timer
  const end = (code) => { clearTimeout(timer); done({ code, said }) }
  try {
    const [program, ...args] = command
    const child = spawn(program, [...args, hook], { stdio: ["pipe", "ignore", "pipe"] })
    timer = setTimeout(() => child.kill("SIGKILL"), patience)
    child.on("error", () => end(null)).on("close", end)
    child.stderr.on("data", (text) => { said += text })
    child.stdin.on("error", () => {}).end(JSON.stringify({ hook, cwd, input, output }))
  } catch { end(null) }
})

export const Etch = async ({ directory }) => ({
  "chat.message": async (input, output) => { await tell("chat.message", directory, input, output) },
  "tool.execute.before": async (input, output) => {
    const answer = await tell("tool.execute.before", directory, input, output)
    if (answer.code === 2) throw new Error(answer.said.trim() || "refused by etch")
  },
  "tool.execute.after": async (input, output) => { await tell("tool.execute.after", directory, input, output) },
  event: async ({ event }) => {
    const part = event.properties?.part // of a tool that threw, it is the only word about the end
    const failed = part?.type === "tool" && part.state?.status === "error"
    if (failed || events.has(event.type)) await tell("event", directory, { event })
  },
})
