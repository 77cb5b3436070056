//! A tree to instructions (Thompson's construction): every way through the pattern is a way through the program.

use super::parse::{Look, Node};
use super::set::Set;
use super::{MAX_PROGRAM, RegexError};

/// An instruction; the next one follows unless said.
#[derive(Debug)]
pub(super) enum Step {
    Char(char),
    Any,
    Set(Set),
    Look(Look),
    /// Both ways.
    Split(usize, usize),
    Jump(usize),
    Found,
}

/// Instructions, the first one first.
#[derive(Debug)]
pub(super) struct Program {
    pub steps: Vec<Step>,
    /// Case does not count.
    pub fold: bool,
    /// Of several matches that begin at one place the shortest counts.
    pub shy: bool,
    /// The pattern is this text and nothing else.
    pub literal: Option<String>,
}

/// # Errors
/// If it would be too large.
pub(super) fn compile(tree: &Node, fold: bool) -> Result<Program, RegexError> {
    let mut program =
        Program { steps: Vec::new(), fold, shy: tree.is_shy() == Some(true), literal: literal(tree).filter(|_| !fold) };
    program.node(tree)?;
    program.push(Step::Found)?;
    Ok(program)
}

/// The characters of a pattern that is made of characters only.
fn literal(tree: &Node) -> Option<String> {
    let letter = |n: &Node| if let Node::Char(c) = n { Some(*c) } else { None };
    match tree {
        Node::Row(parts) => parts.iter().map(letter).collect(),
        node => letter(node).map(String::from),
    }
}

impl Program {
    fn push(&mut self, step: Step) -> Result<usize, RegexError> {
        if self.steps.len() == MAX_PROGRAM {
            return Err(RegexError { at: 0, message: "the pattern is too large" });
        }
        self.steps.push(step);
        Ok(self.steps.len() - 1)
    }

    fn node(&mut self, node: &Node) -> Result<(), RegexError> {
        match node {
            Node::Char(c) => self.push(Step::Char(*c)).map(drop),
            Node::Any => self.push(Step::Any).map(drop),
            Node::Set(set) => self.push(Step::Set(set.clone())).map(drop),
            Node::Look(look) => self.push(Step::Look(*look)).map(drop),
            Node::Row(parts) => parts.iter().try_for_each(|p| self.node(p)),
            Node::Group(_, inner) => self.node(inner),
            Node::Choice(branches) => {
                let mut jumps = Vec::new();
                for (i, branch) in branches.iter().enumerate() {
                    if i + 1 == branches.len() {
                        self.node(branch)?;
                        break;
                    }
                    let split = self.push(Step::Jump(0))?;
                    self.node(branch)?;
                    jumps.push(self.push(Step::Jump(0))?);
                    self.steps[split] = Step::Split(split + 1, self.steps.len());
                }
                let end = self.steps.len();
                jumps.into_iter().for_each(|j| self.steps[j] = Step::Jump(end));
                Ok(())
            }
            Node::Repeat(inner, least, most) | Node::Few(inner, least, most) => {
                for _ in 0..*least {
                    let before = self.steps.len();
                    self.node(inner)?;
                    // Nothing many times is nothing, and takes no time.
                    if self.steps.len() == before {
                        break;
                    }
                }
                let Some(most) = most else {
                    let split = self.push(Step::Jump(0))?;
                    self.node(inner)?;
                    self.push(Step::Jump(split))?;
                    self.steps[split] = Step::Split(split + 1, self.steps.len());
                    return Ok(());
                };
                let mut splits = Vec::new();
                for _ in *least..*most {
                    splits.push(self.push(Step::Jump(0))?);
                    self.node(inner)?;
                }
                let end = self.steps.len();
                splits.into_iter().for_each(|s| self.steps[s] = Step::Split(s + 1, end));
                Ok(())
            }
        }
    }
}
