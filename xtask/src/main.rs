//! The project's own chores. `cargo xtask` lists them; `.ci/run` calls `cargo xtask test`.

mod advisories;
mod bench;
mod chaos;
mod clients;
mod corpus;
mod editors;
mod generate;
mod licences;
mod lock;
mod new_rule;
mod sdk_table;
mod shell;
mod soak;
mod suite;
mod test_run;
mod tidy;
mod windows;

use std::process::ExitCode;

use shell::Failure;

const HELP: &str = "\
cargo xtask <chore>

  test [--keep] [--full]   everything a change must pass, on real services that it installs and starts;
                           --full: the fault campaign, too
  chaos [--help]           the fault campaign: 200 faults on the five services under load
  tidy                     the structure: arrows, lengths, stand-ins, pages, generated files
  editors                  type-check and build the extension of Visual Studio Code
  gen                      write the generated documents anew
  new-rule FAMILY NAME     write a rule to be filled in, its test, and its line in the registry
  gen-sdk EDITION FOLDER   write the table of the SDK's names from its sources
  corpus [--update]        how right the scanner is: labels of real files, and planted violations
  windows                  build for Windows, and run it under Wine, or `not checked` where that cannot be had
  licences                 every dependency's licence against the allow-list
  advisories               known vulnerabilities, or `not checked` where their database is out of reach
  bench [scan|lsp|all]     measure beside named peers, in one run, and hold the limits
  bench client|dataflow --project FOLDER
                           what clients and nodes add to the raw drivers, on a stack that is up
  verify-soak --project FOLDER [--runs N] [--at-once N]
                           N verifications of each real service (1000), and how many accused one

";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|a| a == flag);
    let outcome = match arguments.first().map(String::as_str) {
        Some("test") => suite::run(&suite::Options { keep: has("--keep"), full: has("--full") }),
        Some("chaos") => chaos::run(&arguments[1..]),
        Some("tidy") => tidy::run(),
        Some("gen") => generate::run(),
        Some("gen-sdk") => {
            sdk_table::run(arguments.get(1).map(String::as_str), arguments.get(2).map(String::as_str))
        }
        Some("new-rule") => {
            new_rule::run(arguments.get(1).map(String::as_str), arguments.get(2).map(String::as_str))
        }
        Some("editors") => editors::run(),
        Some("verify-soak") => soak::run(&arguments[1..]),
        Some("corpus") => corpus::run(has("--update")),
        Some("windows") => windows::run().map(|_| ()),
        Some("licences") => licences::run(),
        Some("advisories") => advisories::run().map(|_| ()),
        // What `bench` starts programs by; of no use by itself.
        Some("measure") => bench::measure(&arguments[1..]),
        Some("bench") => bench::run(&arguments[1..]),
        _ => {
            shell::say(HELP);
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(message)) => {
            shell::say(&format!("error: {message}\n"));
            ExitCode::FAILURE
        }
    }
}
