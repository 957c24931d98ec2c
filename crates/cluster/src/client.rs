//! How to reach a cluster: a kubeconfig or the in-cluster configuration, found in the same order as by kubectl.

use kube::client::AuthError;
use kube::config::{Config, KubeConfigOptions, Kubeconfig, KubeconfigError};
use podrules::diagnostic::{Code, Diagnostic};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The options that select a cluster. Those that are `None` are found as by kubectl.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// The kubeconfig; by default `KUBECONFIG`, else `~/.kube/config`, else the in-cluster configuration.
    pub kubeconfig: Option<PathBuf>,
    /// The context; by default the kubeconfig's current context.
    pub context: Option<String>,
    /// The user to impersonate.
    pub user: Option<String>,
    /// The groups to impersonate.
    pub groups: Vec<String>,
}

/// The timeout for connecting.
const CONNECT: Duration = Duration::from_secs(5);

impl Access {
    /// Reads the configuration. Nothing is sent.
    ///
    /// # Errors
    /// No cluster is configured, or the configuration is invalid.
    pub async fn config(&self) -> Result<Config, Diagnostic> {
        let options = KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        let mut config = match self.kubeconfig()? {
            Some(kubeconfig) => {
                Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| self.broken(&error))?
            }
            None if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() && self.context.is_none() => {
                Config::incluster().map_err(|error| {
                    let message = format!("the cluster that this Pod runs in can't be used: {}", chain(&error));
                    Diagnostic::new(Code::Kubeconfig, message)
                        .help("mount a ServiceAccount's token, or pass a kubeconfig with --kubeconfig")
                })?
            }
            None => {
                let help = "pass a kubeconfig with --kubeconfig or KUBECONFIG, or create ~/.kube/config";
                return Err(Diagnostic::new(Code::Kubeconfig, "no cluster is configured").help(help));
            }
        };
        if self.user.is_some() {
            config.auth_info.impersonate.clone_from(&self.user);
            config.auth_info.impersonate_groups = (!self.groups.is_empty()).then(|| self.groups.clone());
        }
        config.connect_timeout = Some(CONNECT);
        // `request` retries: it knows whether a lost request may have been carried out.
        config.default_retry = false;
        Ok(config)
    }

    /// The kubeconfig, if one is configured.
    fn kubeconfig(&self) -> Result<Option<Kubeconfig>, Diagnostic> {
        if let Some(path) = &self.kubeconfig {
            return Kubeconfig::read_from(path).map(Some).map_err(|error| self.broken(&error));
        }
        if let Some(given) = Kubeconfig::from_env().map_err(|error| self.broken(&error))? {
            return Ok(Some(given));
        }
        match std::env::home_dir().map(|home| home.join(".kube/config")).filter(|path| path.exists()) {
            Some(path) => Kubeconfig::read_from(path).map(Some).map_err(|error| self.broken(&error)),
            None => Ok(None),
        }
    }

    fn broken(&self, error: &KubeconfigError) -> Diagnostic {
        let which = match &self.kubeconfig {
            Some(path) => format!("the kubeconfig {} can't be used", Path::display(path)),
            None => "the kubeconfig can't be used".to_owned(),
        };
        let help = match error {
            KubeconfigError::LoadContext(_) | KubeconfigError::CurrentContextNotSet => {
                "choose a context with --kube-context; `kubectl config get-contexts` lists them"
            }
            KubeconfigError::ReadConfig(..) => "check --kubeconfig and KUBECONFIG: they must name a readable file",
            _ => "`kubectl config view` shows the kubeconfig",
        };
        // The lines after the first quote the file, with its tokens and keys.
        let why = chain(error);
        let why = why.lines().next().unwrap_or_default();
        Diagnostic::new(Code::Kubeconfig, format!("{which}: {why}")).help(help)
    }
}

/// An error and its causes in one line, without repetition and without what a credential plugin printed to stdout.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = message(error);
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = message(error);
        // The outer errors' texts contain the plugin's stdout, which may be a token.
        if matches!(error.downcast_ref(), Some(AuthError::AuthExecRun { .. })) {
            return more;
        }
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

fn message(error: &(dyn Error + 'static)) -> String {
    match error.downcast_ref() {
        Some(AuthError::AuthExecRun { out, .. }) => {
            let why = String::from_utf8_lossy(&out.stderr);
            format!("the command that gets credentials failed ({}): {}", out.status, why.trim())
        }
        _ => error.to_string(),
    }
}
