//! What is known of Pods.
