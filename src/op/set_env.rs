//! `setEnv`: environment variables of containers.
