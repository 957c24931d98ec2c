//! What the command line takes.

use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  podrules render examples/pvc-per-task
  podrules render -f values.yaml -r rules.yaml -q train -t task.json -o diff
  podrules explain -f values.yaml -r rules.yaml -q train -t task.json
  podrules apply -f values.yaml -r rules.yaml -q train -t task.json --wait
  podrules validate values.yaml rules/*.yaml
  podrules diff -f values.yaml -r rules.yaml --tasks tasks/
  podrules schema rules > rules.schema.json

Exit codes: 0 done; 1 mistakes in rules, values or the Pod; 2 wrong arguments; 3 a file can't be read;
4 the Pods differ (diff); 5 the cluster can't be reached or doesn't let us (apply).";

/// Rules that edit the Kubernetes Pod of a ClearML task before it is applied.
#[derive(Debug, Parser)]
#[command(name = "podrules", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Arguments {
    /// Whether to colour what people read; `auto` colours on a terminal unless NO_COLOR is set
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,
    /// Treat warnings as errors
    #[arg(long, global = true)]
    pub strict: bool,
    /// Log what is done to stderr; twice for more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What podrules does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the Pod that a task will run in
    #[command(after_help = "Example: podrules render -f values.yaml -r rules.yaml -q train -t task.json")]
    Render(Render),
    /// Show what became of each rule, and who wrote each field of the Pod
    #[command(after_help = "Example: podrules explain -f values.yaml -r rules.yaml -q train -t task.json")]
    Explain(Explain),
    /// Create the Pod that a task will run in, and its companions, on a cluster
    #[command(after_help = "Example: podrules apply -f values.yaml -r rules.yaml -q train -t task.json --wait=5m")]
    Apply(Apply),
    /// Take tasks from a folder, launch their Pods, follow them, and clean up after them
    #[command(after_help = "Example: podrules run -f values.yaml -r rules.yaml --tasks tasks/")]
    Run(Box<super::run_arguments::Run>),
    /// Print the least Role that the rules need of an agent
    #[command(
        after_help = "Example: podrules rbac -f values.yaml -r rules.yaml -n clearml --service-account clearml-agent | kubectl apply -f -"
    )]
    Rbac(Rbac),
    /// Find all mistakes in rules and values files
    #[command(after_help = "Example: podrules validate --strict values.yaml rules/*.yaml -o github")]
    Validate(Validate),
    /// Compare the Pods that a Python hook and rules make of the same tasks
    #[command(
        after_help = "Example: podrules diff --hook custom_code:update_template -f values.yaml -r rules.yaml --tasks tasks/"
    )]
    Diff(Diff),
    /// Print a JSON Schema, for editors
    #[command(after_help = "Example: podrules schema rules > rules.schema.json")]
    Schema(Schema),
    /// Print a shell's completion script
    #[command(after_help = "Example: podrules completions bash > /etc/bash_completion.d/podrules")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

impl Command {
    /// Whether it goes on until it is stopped, so that its log is what is seen of it.
    pub fn lasts(&self) -> bool {
        matches!(self, Command::Run(_))
    }

    /// Whether its log is for programs.
    pub fn logs_json(&self) -> bool {
        matches!(self, Command::Run(run) if run.log_format == super::run_arguments::LogFormat::Json)
    }
}

/// Where an installation, its rules and a task are read from.
#[derive(Debug, Args)]
pub struct Inputs {
    /// A folder with values.yaml, rules/*.yaml, task.json and context.yaml, each if it is there
    pub folder: Option<PathBuf>,
    /// A values file of the ClearML agent's chart; several are merged as Helm does; `-` is standard input
    #[arg(short = 'f', long = "values", value_name = "FILE")]
    pub values: Vec<PathBuf>,
    /// A rules file, or a folder of them; those of the values come first
    #[arg(short, long = "rules", value_name = "FILE")]
    pub rules: Vec<PathBuf>,
    /// The queue's name; not needed where the values have one queue
    #[arg(short, long, value_name = "NAME")]
    pub queue: Option<String>,
    /// The task: JSON or YAML, bare or a whole answer of tasks.get_by_id
    #[arg(short, long, value_name = "FILE")]
    pub task: Option<PathBuf>,
    /// What else is known: queue id, providers, config, worker, namespace (YAML or JSON)
    #[arg(long, value_name = "FILE")]
    pub context: Option<PathBuf>,
    /// The task's configuration: a clearml.conf (HOCON), YAML or JSON
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The namespace of the Pod
    #[arg(short, long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// The Helm release of the agent: the chart makes names of its ServiceAccount and Secrets of it; clearml-agent if nothing is said
    #[arg(long, value_name = "NAME")]
    pub release: Option<String>,
    /// Leave out the Python hook that the values name
    #[arg(long)]
    pub no_hook: bool,
    /// How Python is run
    #[command(flatten)]
    pub python: Python,
}

/// How Python hooks are run.
#[derive(Debug, Args)]
pub struct Python {
    /// The interpreter that runs Python hooks, 3.8 or newer; else PODRULES_PYTHON, else python3
    #[arg(long, value_name = "PROGRAM")]
    pub python: Option<PathBuf>,
    /// A folder with modules of hooks, searched after those of the values' fileMounts; may be repeated
    #[arg(long, value_name = "FOLDER")]
    pub python_path: Vec<PathBuf>,
    /// An environment variable of this process that hooks may see, beside the values' extraEnvs; may be repeated
    #[arg(long, value_name = "NAME")]
    pub hook_env: Vec<String>,
    /// The memory that a hook's process may map, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 4096, value_parser = clap::value_parser!(u64).range(64..=1_048_576))]
    pub hook_memory: u64,
}

/// `render`
#[derive(Debug, Args)]
pub struct Render {
    /// What to read
    #[command(flatten)]
    pub inputs: Inputs,
    /// The form of the result; `diff` compares with the Pod that no rule has touched
    #[arg(short, long, value_enum, default_value_t = RenderFormat::Yaml)]
    pub output: RenderFormat,
}

/// Forms of a rendered Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RenderFormat {
    /// Companions and the Pod as YAML documents
    Yaml,
    /// The Pod as JSON; a List where there are companions
    Json,
    /// What the rules changed
    Diff,
}

/// `apply`
#[derive(Debug, Args)]
pub struct Apply {
    /// What to read
    #[command(flatten)]
    pub inputs: Inputs,
    /// The cluster
    #[command(flatten)]
    pub cluster: Cluster,
    /// Change nothing: `server` lets the API server check everything, `client` sends nothing
    #[arg(long, value_enum, value_name = "HOW", default_value_t = DryRun::None)]
    pub dry_run: DryRun,
    /// Take over fields that others have set to something else
    #[arg(long)]
    pub force_conflicts: bool,
    /// Don't run the command that the values name for before the Pod is applied
    #[arg(long)]
    pub no_commands: bool,
    /// Wait until the Pod runs or has ended: 90s, 5m, 1h; 10m if nothing is said
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, default_missing_value = "10m", value_parser = duration)]
    pub wait: Option<std::time::Duration>,
    /// What to print instead of a line for each object
    #[arg(short, long, value_enum)]
    pub output: Option<ApplyFormat>,
}

/// `rbac`
#[derive(Debug, Args)]
pub struct Rbac {
    /// A values file of the ClearML agent's chart; several are merged as Helm does
    #[arg(short = 'f', long = "values", value_name = "FILE")]
    pub values: Vec<PathBuf>,
    /// A rules file, or a folder of them
    #[arg(short, long = "rules", value_name = "FILE")]
    pub rules: Vec<PathBuf>,
    /// Who gets the Role
    #[arg(long = "for", value_enum, value_name = "WHOM", default_value_t = RbacFor::Apply)]
    pub whom: RbacFor,
    /// The namespace of tasks, and of the ServiceAccount
    #[arg(short, long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// The Role's name
    #[arg(long, value_name = "NAME", default_value = "podrules-agent")]
    pub name: String,
    /// Print a RoleBinding for this ServiceAccount, too
    #[arg(long, value_name = "NAME")]
    pub service_account: Option<String>,
}

/// Who needs rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RbacFor {
    /// Who launches a task: `podrules apply`
    Apply,
    /// The agent, which follows tasks to their end, too: `podrules run`
    Run,
}

/// Which cluster, and as whom.
#[derive(Debug, Args)]
pub struct Cluster {
    /// The kubeconfig; else KUBECONFIG, else ~/.kube/config, else the cluster that this process runs in
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig; else its current one
    #[arg(long, value_name = "NAME")]
    pub kube_context: Option<String>,
    /// The user to act as
    #[arg(long = "as", value_name = "USER")]
    pub act_as: Option<String>,
    /// A group to act as; may be repeated
    #[arg(long, value_name = "GROUP", requires = "act_as")]
    pub as_group: Vec<String>,
}
impl Cluster {
    /// How to reach it.
    pub fn access(&self) -> podrules_cluster::Access {
        podrules_cluster::Access {
            kubeconfig: self.kubeconfig.clone(),
            context: self.kube_context.clone(),
            user: self.act_as.clone(),
            groups: self.as_group.clone(),
        }
    }
}

/// What of an apply is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// Nothing
    None,
    /// The API server checks all, and keeps nothing
    Server,
    /// Nothing is sent
    Client,
}

/// Forms of what was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ApplyFormat {
    /// kind/name, a line each
    Name,
    /// The objects as YAML documents
    Yaml,
    /// The Pod as JSON; a List where there are companions
    Json,
}

/// Reads a duration: a number with ms, s, m or h.
pub fn duration(text: &str) -> Result<std::time::Duration, String> {
    podrules::text::parse_duration(text).ok_or_else(|| "write a number with its unit: 90s, 5m, 1h".to_owned())
}

/// `explain`
#[derive(Debug, Args)]
pub struct Explain {
    /// What to read
    #[command(flatten)]
    pub inputs: Inputs,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = ExplainFormat::Text)]
    pub output: ExplainFormat,
}

/// Forms of an explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExplainFormat {
    /// For people
    Text,
    /// The same as data
    Json,
}

/// `validate`
#[derive(Debug, Args)]
pub struct Validate {
    /// Rules files and values files; which is which is seen from what stands in them
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Don't import the Python modules that rules and values name
    #[arg(long)]
    pub no_hook: bool,
    /// How Python is run
    #[command(flatten)]
    pub python: Python,
    /// The form of the findings
    #[arg(short, long, value_enum, default_value_t = ValidateFormat::Human)]
    pub output: ValidateFormat,
}

/// Forms of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ValidateFormat {
    /// Source lines with carets, on stderr
    Human,
    /// A list of objects
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Workflow commands of GitHub Actions
    Github,
}

/// `diff`
#[derive(Debug, Args)]
pub struct Diff {
    /// The hook, as module:function; what the values name if left out
    #[arg(long, value_name = "MODULE:FUNCTION")]
    pub hook: Option<String>,
    /// A values file of the ClearML agent's chart; several are merged as Helm does
    #[arg(short = 'f', long = "values", value_name = "FILE")]
    pub values: Vec<PathBuf>,
    /// A rules file, or a folder of them; those of the values come first
    #[arg(short, long = "rules", value_name = "FILE")]
    pub rules: Vec<PathBuf>,
    /// A folder with the JSON of tasks; those in a folder within it belong to the queue of that name
    #[arg(long, value_name = "FOLDER")]
    pub tasks: PathBuf,
    /// The queue of the tasks that stand in the folder itself
    #[arg(short, long, value_name = "NAME")]
    pub queue: Option<String>,
    /// What else is known: queue id, providers, config, worker, namespace (YAML or JSON)
    #[arg(long, value_name = "FILE")]
    pub context: Option<PathBuf>,
    /// The tasks' configuration: a clearml.conf (HOCON), YAML or JSON
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How Python is run
    #[command(flatten)]
    pub python: Python,
}

/// `schema`
#[derive(Debug, Args)]
pub struct Schema {
    /// Which schema
    #[arg(value_enum)]
    pub which: SchemaKind,
}

/// The schemas there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaKind {
    /// Of a rules file (2020-12)
    Rules,
}
