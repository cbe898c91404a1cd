// The compliance score in the status bar. What was not measured is said to be so, and never shown as good.

import { MarkdownString, StatusBarAlignment, StatusBarItem, ThemeColor, Uri, window, workspace } from "vscode";

/** The figures of one family of rules. */
export interface Family {
  family: string;
  score: number | null;
  errors: number;
  warnings: number;
  compliant_files: number;
  applicable_files: number;
}

/** The figures of one project, as `hallmark/score` sends them. */
export interface Score {
  root: string | null;
  overall: number | null;
  files: number;
  unparsedFiles: number;
  errors: number;
  families: Family[];
}

/** The item in the status bar. */
export class ScoreItem {
  private readonly item: StatusBarItem;
  private readonly byRoot = new Map<string, Score>();

  constructor() {
    this.item = window.createStatusBarItem("hallmark.score", StatusBarAlignment.Left, 10);
    this.item.name = "Hallmark";
    this.item.command = "hallmark.showScore";
    window.onDidChangeActiveTextEditor(() => this.redraw());
  }

  /** Takes new figures of a project. */
  show(score: Score): void {
    this.byRoot.set(score.root ?? "", score);
    this.redraw();
  }

  /** Forgets all figures. */
  hide(): void {
    this.byRoot.clear();
    this.item.hide();
  }

  /** Says that the server is gone. */
  stopped(): void {
    this.byRoot.clear();
    this.item.text = "$(error) Hallmark";
    this.item.tooltip = "The language server stopped.";
    this.item.show();
  }

  /** The figures of the project of the active file, or of the only one. */
  current(): Score | undefined {
    const all = [...this.byRoot.values()];
    const file = window.activeTextEditor?.document.uri;
    if (file === undefined) {
      return all[0];
    }
    const around = all.filter((score) => score.root !== null && isBelow(file, Uri.parse(score.root)));
    around.sort((a, b) => (b.root?.length ?? 0) - (a.root?.length ?? 0));
    return around[0] ?? all[0];
  }

  dispose(): void {
    this.item.dispose();
  }

  private redraw(): void {
    const score = this.current();
    if (score === undefined) {
      return;
    }
    const bad = score.errors > 0 || score.unparsedFiles > 0;
    this.item.text = `$(${bad ? "warning" : "verified"}) ${percent(score.overall)}`;
    this.item.backgroundColor = bad ? new ThemeColor("statusBarItem.warningBackground") : undefined;
    this.item.tooltip = tooltip(score);
    this.item.show();
  }
}

/** A share from 0 to 1 in words. */
export function percent(share: number | null): string {
  return share === null ? "not measured" : `${(share * 100).toFixed(1)} %`;
}

function isBelow(file: Uri, root: Uri): boolean {
  return file.scheme === root.scheme && `${file.path}/`.startsWith(`${root.path.replace(/\/$/, "")}/`);
}

function tooltip(score: Score): MarkdownString {
  const folder = score.root === null ? "" : workspace.asRelativePath(Uri.parse(score.root), true);
  const rows = score.families
    .filter((family) => family.applicable_files > 0)
    .map((f) => `| ${f.family} | ${percent(f.score)} | ${f.errors} | ${f.warnings} |`);
  return new MarkdownString(
    [
      `**Hallmark** ${folder}: ${percent(score.overall)}, ${score.errors} violations in ${score.files} files`,
      "",
      "| family | compliance | violations | warnings |",
      "| --- | ---: | ---: | ---: |",
      ...rows,
    ].join("\n"),
  );
}
