//! What is known of Pods.
pub mod names {
    pub fn label_value(s: &str) -> String {
        s.into()
    }
    pub fn dns_label(s: &str) -> String {
        s.into()
    }
}
pub mod quantity {
    #[derive(Debug, Clone, PartialEq, PartialOrd)]
    pub struct Quantity(f64);
    impl std::str::FromStr for Quantity {
        type Err = String;
        fn from_str(s: &str) -> Result<Self, String> {
            s.parse().map(Quantity).map_err(|_| "x".into())
        }
    }
    impl std::fmt::Display for Quantity {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{}", self.0)
        }
    }
}
