use super::{Node, Text};
pub struct QueueName {
    pub name: String,
}
pub struct Installation;
impl Installation {
    pub fn rules(&self) -> Option<&Node> {
        None
    }
    pub fn queue_rules(&self) -> Vec<(QueueName, &Node)> {
        vec![]
    }
    pub fn queues(&self) -> Vec<QueueName> {
        vec![]
    }
}
