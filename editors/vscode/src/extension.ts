// Starts `hallmark lsp` and gives its answers a place in the editor. All judgement is the server's.

import * as os from "node:os";
import * as path from "node:path";
import {
  commands,
  ExtensionContext,
  LogOutputChannel,
  window,
  workspace,
} from "vscode";
import { LanguageClient, LanguageClientOptions, ServerOptions, State } from "vscode-languageclient/node";
import { registerCommands } from "./commands";
import { RulePages } from "./pages";
import { Score, ScoreItem } from "./score";

let client: LanguageClient | undefined;

export async function activate(context: ExtensionContext): Promise<void> {
  const log = window.createOutputChannel("Hallmark", { log: true });
  const score = new ScoreItem();
  const pages = new RulePages(() => client);
  context.subscriptions.push(log, score, pages);
  const restart = () => start(log, score);
  registerCommands(context, { client: () => client, restart, log, score, pages });
  context.subscriptions.push(
    workspace.onDidChangeConfiguration(async (event) => {
      if (event.affectsConfiguration("hallmark.enable") || event.affectsConfiguration("hallmark.path")) {
        await restart();
      }
    }),
    workspace.onDidGrantWorkspaceTrust(restart),
  );
  await restart();
}

export async function deactivate(): Promise<void> {
  await stop();
}

async function stop(): Promise<void> {
  const running = client;
  client = undefined;
  // A server that does not answer any more is left to end with its streams.
  await running?.stop().catch(() => undefined);
}

async function start(log: LogOutputChannel, score: ScoreItem): Promise<void> {
  await stop();
  score.hide();
  if (!workspace.getConfiguration("hallmark").get<boolean>("enable", true)) {
    log.info("off by hallmark.enable");
    return;
  }
  const command = binary();
  const server: ServerOptions = { command, args: ["lsp"] };
  const options: LanguageClientOptions = {
    documentSelector: [{ scheme: "file", language: "python" }],
    outputChannel: log,
    initializationOptions: { asksReason: true },
    diagnosticPullOptions: { onChange: true, onTabs: true },
  };
  const started = new LanguageClient("hallmark", "Hallmark", server, options);
  client = started;
  started.onNotification("hallmark/score", (figures: Score) => score.show(figures));
  started.onDidChangeState((change) => {
    if (change.newState === State.Stopped && client === started) {
      score.stopped();
    }
  });
  try {
    await started.start();
  } catch (error) {
    client = undefined;
    log.error(`${command} lsp did not start`, error as Error);
    const choice = await window.showErrorMessage(
      `Hallmark: ${command} did not start. Install it, or set hallmark.path.`,
      "Open Settings",
      "Show Log",
    );
    if (choice === "Open Settings") {
      await commands.executeCommand("workbench.action.openSettings", "hallmark.path");
    } else if (choice === "Show Log") {
      log.show();
    }
  }
}

/** The binary that the settings name. */
function binary(): string {
  const configured = workspace.getConfiguration("hallmark").get<string>("path", "hallmark").trim() || "hallmark";
  const folder = workspace.workspaceFolders?.[0]?.uri.fsPath ?? "";
  const filled = configured.replace("${workspaceFolder}", folder);
  return filled.startsWith("~") ? path.join(os.homedir(), filled.slice(1)) : filled;
}
