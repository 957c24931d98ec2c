//! `addVolume`: a volume and its mounts, both or neither.

use super::compiler::{Compiler, Function, Parameters};
use super::containers::{Chosen, Containers};
use super::context::OpContext;
use super::lists::{is_named, named, put};
use super::operation::Operation;
use super::shapes::{Object, filled, filled_text, not, text_of};
use crate::diagnostic::{Code, Fault, Span};
use crate::edit::Pointer;
use crate::expr::ValueExpr;
use crate::read::wrong;
use crate::record;
use crate::source::{Kind, Node, Text};
use serde_json::Value;

record! {
    /// Adds a volume and mounts it: both, or neither if a container that is named doesn't exist. A volume with the same
    /// name is replaced, and so is a container's mount at the same path.
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
        /// The volume, with the fields that it has in a Pod: its name and its source.
        required volume: Object = "volume",
        /// The path at which the volume is mounted; or use `mounts`.
        optional mount_path: Option<Text> = "mountPath",
        /// The path inside the volume that is mounted; its root by default.
        optional sub_path: Option<Text> = "subPath",
        /// Whether the mount is read-only: true, false or an expression.
        optional read_only: Option<Node> = "readOnly",
        /// A list of mounts, instead of `mountPath`.
        optional mounts: Option<Vec<Mount>> = "mounts",
        /// The containers: `task` (the default), `all`, or a list of names and globs.
        optional containers: Containers = "containers",
        /// Whether to include init containers.
        optional init: bool = "init",
    }
}

record! {
    /// A mount of a volume.
    pub struct Mount as "mounts" {
        /// The path at which the volume is mounted.
        required mount_path: Text = "mountPath",
        /// The path inside the volume that is mounted; its root by default.
        optional sub_path: Option<Text> = "subPath",
        /// Like `subPath`; `$(NAME)` is expanded from the container's environment.
        optional sub_path_expr: Option<Text> = "subPathExpr",
        /// Whether the mount is read-only: true, false or an expression.
        optional read_only: Option<Node> = "readOnly",
        /// How mounts below this one are propagated: `None`, `HostToContainer` or `Bidirectional`.
        optional propagation: Option<Text> = "mountPropagation",
        /// The containers; those of the operation by default.
        optional containers: Option<Containers> = "containers",
        /// Whether to include init containers; as the operation says by default.
        optional init: Option<bool> = "init",
    }
}

impl Parameters for AddVolume {
    const FUNCTION: Option<Function> = Some(("add_volume", &["volume", "mountPath", "readOnly"]));

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
        Some(Box::new(AddVolumeOp { volume: volume?, mounts: mounts?, span }))
    }
}

impl AddVolume {
    /// The mounts, from `mountPath` or from `mounts`.
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
                    compiler.error(Code::BadValue, format!("with `mounts`, write `{key}` in each mount"), span);
                    return None;
                }
                Some(mounts.clone())
            }
            (None, _) => {
                let message = "`addVolume` needs `mountPath` or `mounts`";
                compiler.error(Code::MissingKey, message, span);
                None
            }
        }
    }
}

impl Mount {
    /// The fields of the mount other than its name and path.
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
struct AddVolumeOp {
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

impl Operation for AddVolumeOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let volume = filled(cx, &self.volume)?;
        let name = text_of(&volume, "name", "the volume", self.span)?;
        for mount in &self.mounts {
            mount.apply(cx, name)?;
        }
        let list = Pointer::of(["spec", "volumes"]);
        put(cx, &list, &volume, false, |item| is_named(item, "name", name), self.span)
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
                // An expression that gives `()` leaves the field out.
                (_, Value::Null) => continue,
                ("readOnly", Value::Bool(_)) => {}
                ("readOnly", other) => return Err(not("`readOnly`", "true or false", other, self.span)),
                (_, Value::String(_)) => {}
                (_, other) => return Err(not(&format!("`{key}`"), "text", other, self.span)),
            }
            item.insert((*key).to_owned(), value.into_owned());
        }
        let item = Value::Object(item);
        // `/data/` and `/data` are the same path.
        let trimmed = path.trim_end_matches('/');
        let same = |item: &Value| match item.get("mountPath") {
            Some(Value::String(other)) => other.trim_end_matches('/') == trimmed,
            _ => false,
        };
        for container in self.containers.places_created(cx)? {
            put(cx, &container.child("volumeMounts"), &item, false, same, self.span)?;
        }
        Ok(())
    }
}
