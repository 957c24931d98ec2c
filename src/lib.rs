//! podrules: rules that edit the Kubernetes Pod of a ClearML task before it is applied.

pub mod diagnostic;
pub mod edit;
pub mod expr;
pub mod path;
pub mod pod;
pub mod source;
