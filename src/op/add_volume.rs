//! `addVolume`: a volume and its mounts, both or neither.

use super::containers::{Chosen, Containers};
use super::host::edit_fault;
use super::lists::{is_named, named, put};
use super::shapes::{Object, filled, filled_text, not, text_of};
use super::{Compiler, OpContext, Operation, Parameters};
use crate::diagnostic::{Code, Fault, Span};
use crate::edit::Pointer;
use crate::expr::ValueExpr;
use crate::read::wrong;
use crate::record;
use crate::source::{Kind, Node, Text};
use serde_json::Value;

record! {
    /// Adds a volume and mounts it: both, or neither if a container that is named isn't there. A volume of that name is
    /// replaced, and so is what a container has mounted at the same path.
    ///
    /// ```yaml
    /// - addVolume:
    ///     volume: {name: scratch, persistentVolumeClaim: {claimName: "${pod_name}"}}
    ///     mountPath: /scratch
    /// - addVolume:
    ///     volume: {name: data, nfs: {server: 10.0.0.5, path: /data}}
    ///     mounts:
    ///       - {mountPath: /data, readOnly: true, containers: all}
    ///       - {mountPath: /upload, subPath: upload, containers: [sync]}
    /// ```
    pub struct AddVolume as "addVolume" {
        /// A volume as in a Pod: its name and its source.
        required volume: Object = "volume",
        /// Where it is mounted; or say `mounts`.
        optional mount_path: Option<Text> = "mountPath",
        /// What of the volume is mounted, if not all.
        optional sub_path: Option<Text> = "subPath",
        /// Whether the mount can't be written to: true, false or an expression.
        optional read_only: Option<Node> = "readOnly",
        /// Several mounts.
        optional mounts: Option<Vec<Mount>> = "mounts",
        /// Which containers: `task` (the default), `all`, or a list of names and globs.
        optional containers: Containers = "containers",
        /// Whether init containers too.
        optional init: bool = "init",
    }
}

record! {
    /// A mount of a volume.
    pub struct Mount as "mounts" {
        /// Where it is mounted.
        required mount_path: Text = "mountPath",
        /// What of the volume is mounted, if not all.
        optional sub_path: Option<Text> = "subPath",
        /// Like `subPath`, with `$(NAME)` of the container's environment expanded.
        optional sub_path_expr: Option<Text> = "subPathExpr",
        /// Whether the mount can't be written to: true, false or an expression.
        optional read_only: Option<Node> = "readOnly",
        /// How mounts inside of it are shared: `None`, `HostToContainer` or `Bidirectional`.
        optional propagation: Option<Text> = "mountPropagation",
        /// Which containers; those of the operation, if nothing is said.
        optional containers: Option<Containers> = "containers",
        /// Whether init containers too; as the operation says, if nothing is said.
        optional init: Option<bool> = "init",
    }
}

impl Parameters for AddVolume {
    const NAME: &'static str = "addVolume";
    const FUNCTION: Option<(&'static str, &'static [&'static str])> =
        Some(("add_volume", &["volume", "mountPath", "readOnly"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let volume = self.volume.compile(&["name"], compiler);
        let span = self.volume.0.span;
        let compiled = self.mounts(compiler)?.into_iter().map(|mount| {
            let chosen = mount.containers.as_ref().unwrap_or(&self.containers);
            let containers = chosen.compile(mount.init.unwrap_or(self.init), compiler);
            let path = compiler.text(&mount.mount_path);
            let span = mount.mount_path.span;
            let fields = mount.fields(compiler);
            Some(CompiledMount { path: path?, fields: fields?, containers: containers?, span })
        });
        let mounts = compiled.collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>();
        Some(Box::new(Compiled { volume: volume?, mounts: mounts?, span }))
    }
}

impl AddVolume {
    /// The mounts, however they were written.
    fn mounts(&self, compiler: &mut Compiler<'_>) -> Option<Vec<Mount>> {
        let span = self.mount_path.as_ref().map_or(self.volume.0.span, |path| path.span);
        match (&self.mount_path, &self.mounts) {
            (Some(path), None) => Some(vec![Mount {
                mount_path: path.clone(),
                sub_path: self.sub_path.clone(),
                sub_path_expr: None,
                read_only: self.read_only.clone(),
                propagation: None,
                containers: None,
                init: None,
            }]),
            (Some(_), Some(_)) => {
                compiler.error(Code::BadValue, "give either `mountPath` or `mounts`, not both", span);
                None
            }
            (None, Some(mounts)) if !mounts.is_empty() => {
                let astray = [("subPath", self.sub_path.is_some()), ("readOnly", self.read_only.is_some())];
                if let Some((key, _)) = astray.iter().find(|(_, given)| *given) {
                    compiler.error(Code::BadValue, format!("with `mounts`, `{key}` goes into each of them"), span);
                    return None;
                }
                Some(mounts.clone())
            }
            (None, _) => {
                let message = "a volume without a mount is of no use to a container: give `mountPath` or `mounts`";
                compiler.error(Code::MissingKey, message, span);
                None
            }
        }
    }
}

impl Mount {
    /// The fields that come after the name and the path.
    fn fields(&self, compiler: &mut Compiler<'_>) -> Option<Vec<Field>> {
        let read_only = self.read_only.as_ref().map(|node| match &node.kind {
            Kind::Bool(_) => compiler.value(node),
            Kind::String(text) if text.value.contains("${") && compiler.language.is_some() => compiler.value(node),
            _ => wrong(node, "true, false or an expression", compiler.found),
        });
        let mut text = |text: &Option<Text>| text.as_ref().map(|text| compiler.text(text));
        let fields = [
            ("subPath", text(&self.sub_path)),
            ("subPathExpr", text(&self.sub_path_expr)),
            ("readOnly", read_only),
            ("mountPropagation", text(&self.propagation)),
        ];
        fields.into_iter().filter_map(|(key, value)| Some(value?.map(|value| Field { key, value }))).collect()
    }
}

#[derive(Debug)]
struct Compiled {
    volume: ValueExpr,
    mounts: Vec<CompiledMount>,
    span: Span,
}

#[derive(Debug)]
struct CompiledMount {
    path: ValueExpr,
    fields: Vec<Field>,
    containers: Chosen,
    span: Span,
}

#[derive(Debug)]
struct Field {
    key: &'static str,
    value: ValueExpr,
}

impl Operation for Compiled {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let volume = filled(cx, &self.volume)?;
        let name = text_of(&volume, "name", "the volume", self.span)?;
        for mount in &self.mounts {
            mount.apply(cx, name)?;
        }
        let list = Pointer::from_iter(["spec".into(), "volumes".into()]);
        put(cx.pod, &list, &volume, false, |item| is_named(item, "name", name)).map_err(|e| edit_fault(&e, self.span))
    }
}

impl CompiledMount {
    fn apply(&self, cx: &mut OpContext<'_>, name: &str) -> Result<(), Fault> {
        let path = filled_text(cx, &self.path, "`mountPath`", self.span)?;
        let mut item = named("name", name);
        item.insert("mountPath".to_owned(), Value::String(path.to_string()));
        for Field { key, value } in &self.fields {
            let value = filled(cx, value)?;
            match (*key, &*value) {
                // An expression that gives `()` says nothing.
                (_, Value::Null) => continue,
                ("readOnly", Value::Bool(_)) => {}
                ("readOnly", other) => return Err(not("`readOnly`", "true or false", other, self.span)),
                (_, Value::String(_)) => {}
                (_, other) => return Err(not(&format!("`{key}`"), "text", other, self.span)),
            }
            item.insert((*key).to_owned(), value.into_owned());
        }
        let item = Value::Object(item);
        // `/data/` and `/data` are one place.
        let place = |path: &str| path.trim_end_matches('/').len();
        let wanted = &path[..place(&path)];
        let same = |item: &Value| match item.get("mountPath") {
            Some(Value::String(other)) => &other[..place(other)] == wanted,
            _ => false,
        };
        for container in self.containers.places_made(cx)? {
            put(cx.pod, &container.child("volumeMounts"), &item, false, same).map_err(|e| edit_fault(&e, self.span))?;
        }
        Ok(())
    }
}
