//! How to reach a cluster: what kubectl would use, in the same order.

use kube::client::AuthError;
use kube::config::{Config, KubeConfigOptions, Kubeconfig, KubeconfigError};
use podrules::diagnostic::{Code, Diagnostic};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is said of the cluster to use; what isn't said is found as kubectl finds it.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// The kubeconfig; else `KUBECONFIG`, else `~/.kube/config`, else the Pod that this process runs in.
    pub kubeconfig: Option<PathBuf>,
    /// The context; else the kubeconfig's current one.
    pub context: Option<String>,
    /// The user to act as.
    pub user: Option<String>,
    /// The groups to act as.
    pub groups: Vec<String>,
}

/// What is waited for a connection.
const CONNECT: Duration = Duration::from_secs(5);

impl Access {
    /// Reads the configuration. Nothing is sent.
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
                        .help("mount the token of a ServiceAccount, or give a kubeconfig with --kubeconfig")
                })?
            }
            None => {
                let help = "name a kubeconfig with --kubeconfig or in KUBECONFIG, or write ~/.kube/config";
                return Err(Diagnostic::new(Code::Kubeconfig, "no cluster is configured").help(help));
            }
        };
        if self.user.is_some() {
            config.auth_info.impersonate.clone_from(&self.user);
            config.auth_info.impersonate_groups = (!self.groups.is_empty()).then(|| self.groups.clone());
        }
        config.connect_timeout = Some(CONNECT);
        // Requests are sent again by `request`, which knows what was lost with the connection.
        config.default_retry = false;
        Ok(config)
    }

    /// The kubeconfig, if there is one.
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
                "name a context of it with --kube-context; `kubectl config get-contexts` lists them"
            }
            KubeconfigError::ReadConfig(..) => {
                "look at --kubeconfig and KUBECONFIG: there must be a file that can be read"
            }
            _ => "kubectl shows it with `kubectl config view`",
        };
        // What comes after the first line shows lines of the file: tokens and keys.
        let why = chain(error);
        let why = why.lines().next().unwrap_or_default();
        Diagnostic::new(Code::Kubeconfig, format!("{which}: {why}")).help(help)
    }
}

/// An error and what caused it, without what it repeats.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = told(error);
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = told(error);
        // What a plugin printed to stdout may be a token; causes are told without it, so they come instead.
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

fn told(error: &(dyn Error + 'static)) -> String {
    match error.downcast_ref() {
        Some(AuthError::AuthExecRun { out, .. }) => {
            let why = String::from_utf8_lossy(&out.stderr);
            format!("the command that gets credentials failed ({}): {}", out.status, why.trim())
        }
        _ => error.to_string(),
    }
}
