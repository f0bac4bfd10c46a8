//! The scripts: each is one atomic step, by Redis's own clock, on keys of one part.

use redis::{Cmd, Script};

const COMMON: &str = include_str!("common.lua");

/// All scripts.
#[derive(Debug)]
pub(super) struct Scripts {
    pub(super) claim: Source,
    pub(super) publish: Source,
    pub(super) link: Source,
    pub(super) deliver: Source,
    pub(super) end: Source,
    pub(super) tick: Source,
    pub(super) append_marks: Source,
    pub(super) read_marks: Source,
}

/// A script, and the name by which Redis knows it once it has seen it.
#[derive(Debug)]
pub(super) struct Source {
    text: String,
    digest: String,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            claim: Source::new(include_str!("claim.lua")),
            publish: Source::new(include_str!("publish.lua")),
            link: Source::new(include_str!("link.lua")),
            deliver: Source::new(include_str!("deliver.lua")),
            end: Source::new(include_str!("end.lua")),
            tick: Source::new(include_str!("tick.lua")),
            append_marks: Source::new(include_str!("append_marks.lua")),
            read_marks: Source::new(include_str!("read_marks.lua")),
        }
    }
}

impl Source {
    fn new(text: &str) -> Self {
        let text = format!("{COMMON}\n{text}");
        let digest = Script::new(&text).get_hash().to_owned();
        Self { text, digest }
    }

    pub(super) fn on<'s>(&'s self, keys: &[&str]) -> Run<'s> {
        Run {
            source: self,
            keys: keys.iter().map(|&key| key.to_owned()).collect(),
            arguments: Vec::new(),
        }
    }
}

/// A script with its keys and arguments.
pub(super) struct Run<'s> {
    source: &'s Source,
    keys: Vec<String>,
    arguments: Vec<Vec<u8>>,
}

impl Run<'_> {
    pub(super) fn arg(mut self, argument: impl Into<Vec<u8>>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub(super) fn number(self, number: u64) -> Self {
        self.arg(number.to_string())
    }

    /// By its digest, which is all that Redis needs as a rule.
    pub(super) fn by_digest(&self) -> Cmd {
        self.command("EVALSHA", &self.source.digest)
    }

    /// With its text, which Redis keeps until it is started anew or told to forget.
    pub(super) fn by_text(&self) -> Cmd {
        self.command("EVAL", &self.source.text)
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(self.keys.len());
        for key in &self.keys {
            command.arg(key);
        }
        for argument in &self.arguments {
            command.arg(argument);
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_known_by_the_digest_of_all_of_its_text() {
        let scripts = Scripts::new();
        let all = [
            &scripts.claim,
            &scripts.publish,
            &scripts.link,
            &scripts.deliver,
            &scripts.end,
            &scripts.tick,
            &scripts.append_marks,
            &scripts.read_marks,
        ];
        for (at, source) in all.iter().enumerate() {
            assert!(source.text.starts_with(COMMON) && source.digest.len() == 40);
            let same = all.iter().filter(|other| other.digest == source.digest);
            assert_eq!(same.count(), 1, "{at}");
        }
        let run = scripts.link.on(&["k"]).arg("a").number(7);
        let packed = run.by_digest().get_packed_command();
        let expected = format!(
            "*6\r\n$7\r\nEVALSHA\r\n$40\r\n{}\r\n$1\r\n1\r\n$1\r\nk\r\n$1\r\na\r\n$1\r\n7\r\n",
            scripts.link.digest
        );
        assert_eq!(String::from_utf8(packed).unwrap(), expected);
    }
}
