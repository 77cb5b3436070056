//! What a node is.

use std::rc::Rc;

use super::guard::Guard;
use super::{Meter, NodeId, Nodes};
use crate::algebra::{Delta, Handle, Weight};
use crate::error::ErrorCode;
use crate::operator::{Against, BoundValue, Call, Count, Elements, Fixpoint, Formula, Gate, InView, Sought, WindowColumn};
use crate::query::{Function, JoinKind, Recursion, SetOp, TableId};
use crate::trace::{HashArrangement, OrderedGroups, Path, RelationId, Relations, SortSpec};

/// What an operator may touch while it runs.
pub struct Step<'a> {
    /// All rows.
    pub relations: &'a mut Relations,
    /// The other nodes: arrangements are read here. The running node itself is absent.
    pub nodes: &'a Nodes,
    /// Counters of the running node.
    pub meter: &'a mut Meter,
}

/// What reading an operator's integral needs.
#[derive(Clone, Copy)]
pub struct Scan<'a> {
    /// All rows.
    pub relations: &'a Relations,
    /// All nodes.
    pub nodes: &'a Nodes,
}

/// A node's behaviour.
///
/// Contract:
/// - `step` gets each input's consolidated delta of this version and appends its own output; the circuit consolidates it.
///   *(trusted; the oracle tests it)*
/// - The sum of all outputs is what `scan` enumerates. *(checked in tests: hydration equals history)*
/// - An output never keeps a row whose input weight became zero: downstream handles are those of the integral.
///   *(trusted; broken, a freed handle would be read)*
/// - Order of inputs within a delta has no effect on the output. *(checked in tests by cutting batches)*
pub trait Operator {
    /// Runs once per version in which an input changed.
    fn step(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta);

    /// Takes the whole state of the inputs. Default: as one step from nothing.
    fn hydrate(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        self.step(step, inputs, out);
    }

    /// After the output was consolidated: keep state that depends on it.
    fn integrate(&mut self, _relations: &mut Relations, _out: &Delta) {}

    /// Calls `f` with every row of the output's integral.
    fn scan(&self, scan: Scan<'_>, inputs: &[NodeId], f: &mut dyn FnMut(Handle, Weight));

    /// Relation of the rows that a filter reads; filters and what else has [`guards`](Self::guards).
    fn reads(&self) -> Option<RelationId> {
        None
    }

    /// What its condition asks of single columns with the present parameters: a row for which one of these does not hold is not its
    /// business. Of what reads parameters only; others are known by their spec.
    fn guards(&self) -> Vec<Guard> {
        Vec::new()
    }

    /// Whether a row of the input is in the output. Of filters only, which scan an index of their input by it.
    fn keeps(&self, _relations: &Relations, _row: Handle) -> bool {
        unreachable!("a filter")
    }

    /// Bytes of state.
    fn bytes(&self) -> usize {
        0
    }

    /// A row of its relation that is no group's, for rows of others that have no group: nulls, and counts of nothing. Of aggregates.
    fn nothing(&mut self, _relations: &mut Relations) -> Handle {
        unreachable!("an aggregate")
    }

    /// Relations made by this node, dropped with it; its output's last.
    fn owned_relations(&self) -> Vec<RelationId> {
        Vec::new()
    }

    /// Drops up to so many pieces of its state, and tells how many there were. Of what has left the circuit, and is asked nothing
    /// else any more; what it does not drop here goes with it in one step.
    fn sweep(&mut self, _pieces: usize) -> usize {
        0
    }

    /// Its hash arrangement.
    fn arrangement(&self) -> Option<&HashArrangement> {
        None
    }

    /// Its ordered lists.
    fn ordered(&self) -> Option<&OrderedGroups> {
        None
    }

    /// Its ordered lists, for views to acquire groups.
    fn ordered_mut(&mut self) -> Option<&mut OrderedGroups> {
        None
    }

    /// The lists in view that it is, for views to acquire groups.
    fn in_view_mut(&mut self) -> Option<&mut InView> {
        None
    }

    /// The fixpoint that it is.
    fn fixpoint(&self) -> Option<&Fixpoint> {
        None
    }

    /// The fixpoint that it is, for the circuit to run.
    fn fixpoint_mut(&mut self) -> Option<&mut Fixpoint> {
        None
    }

    /// The gate that it is, for the circuit to let rows in.
    fn gate_mut(&mut self) -> Option<&mut Gate> {
        None
    }

    /// Why its output cannot be trusted now: an evaluation error in some row of its input.
    fn error(&self) -> Option<Failure> {
        None
    }
}

// Not a supertrait: every operator would carry the text of all its state into the binary.
impl std::fmt::Debug for dyn Operator + '_ {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Operator")
    }
}

/// Why an operator's output cannot be trusted, and a row of its input of which that is so (of a join, a pair), if one is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub code: ErrorCode,
    /// The row or the pair.
    pub rows: [Option<(RelationId, Handle)>; 2],
}

/// What makes two nodes the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Spec {
    /// Rows of a table.
    Source(TableId),
    /// Rows of a table as far as they were let in.
    Gate {
        /// The source.
        input: NodeId,
        /// Whose gate it is: no two queries share one.
        of: u32,
    },
    /// Rows for which a condition is true.
    Filter {
        /// Input.
        input: NodeId,
        /// Condition.
        predicate: Rc<Formula>,
    },
    /// Rows paired with computed cells.
    Extend {
        /// Input.
        input: NodeId,
        /// Computed cells.
        columns: Vec<(Formula, crate::value::Type)>,
    },
    /// Rows paired with the elements of an array.
    Unnest {
        /// Input.
        input: NodeId,
        /// The array, and what a row of it is.
        elements: Elements,
    },
    /// Rows for which a condition with parameters is true.
    ParamFilter {
        /// Input.
        input: NodeId,
        /// Relation of parameters.
        params: NodeId,
        /// Condition.
        predicate: Formula,
    },
    /// Rows paired with cells that are computed with parameters.
    ParamExtend {
        /// Input.
        input: NodeId,
        /// Relation of parameters.
        params: NodeId,
        /// Computed cells.
        columns: Vec<(Formula, crate::value::Type)>,
    },
    /// Rows between bounds that parameters say.
    Seek {
        /// The rows in the order of one column.
        input: NodeId,
        /// Relation of parameters.
        params: NodeId,
        /// Comparisons of the column.
        bounds: Vec<(Function, BoundValue)>,
    },
    /// Part of each list of an ordered arrangement, whose ends parameters say.
    ParamTop {
        /// The arrangement.
        input: NodeId,
        /// Relation of parameters.
        params: NodeId,
        /// Rows passed over in each list.
        offset: Count,
        /// At most so many rows of each list.
        limit: Count,
    },
    /// Rows by key, for joins.
    ArrangeByKey {
        /// Input.
        input: NodeId,
        /// Key.
        key: Vec<Path>,
        /// Whether nulls in the key equal each other.
        nulls_equal: bool,
    },
    /// Pairs of rows with equal keys.
    Join {
        /// Arrangement of the left input.
        left: NodeId,
        /// Arrangement of the right input.
        right: NodeId,
        /// Which rows without a partner are kept.
        kind: JoinKind,
        /// Arrangements by other keys, a left and a right one of each: rows may agree on one of these instead.
        or: Vec<NodeId>,
        /// Comparisons by which the sides are sought in order; none: they are sought by key.
        range: Sought,
        /// Condition beyond the keys or the range, over the pair.
        residual: Option<Formula>,
        /// Left rows without a partner, a group, get one of nothing: nulls, and counts that are 0.
        counts: bool,
    },
    /// Left rows that have a match, or that have none.
    SemiJoin {
        /// Arrangement of the left input.
        left: NodeId,
        /// Arrangement of the right input.
        right: NodeId,
        /// Rows without a match, rather than with one.
        anti: bool,
        /// Arrangements by other keys, a left and a right one of each: rows may agree on one of these instead.
        or: Vec<NodeId>,
        /// Comparisons by which the sides are sought in order; none: they are sought by key.
        range: Sought,
        /// Condition beyond the keys and the range, over the pair.
        residual: Option<Formula>,
    },
    /// Left rows that compare in one way with what the one row on the right says.
    Bound {
        /// Left input, in the order of the column.
        left: NodeId,
        /// Right input.
        right: NodeId,
        /// The comparison.
        against: Against,
    },
    /// Distinct (owner key, target row) links of an association over several hops.
    Link {
        /// Join over the hops.
        input: NodeId,
        /// Owner's key.
        key: Vec<Path>,
        /// Turns to the target row.
        target: Vec<bool>,
        /// Where the numbers of arrival are; none for links that are not sorted by them.
        numbers: Vec<Path>,
    },
    /// Groups and their aggregates.
    Aggregate {
        /// Input.
        input: NodeId,
        /// Group columns.
        groups: Vec<Path>,
        /// Aggregates.
        calls: Vec<Call>,
    },
    /// Rows of several inputs, with the number of the input.
    Gather {
        /// The inputs.
        inputs: Vec<NodeId>,
        /// Where the cells of a row are, per input; `None`: it is null.
        columns: Vec<Vec<Option<Path>>>,
    },
    /// Rows in order, by group.
    Order {
        /// Input.
        input: NodeId,
        /// Group columns.
        group: Vec<Path>,
        /// Order.
        sort: SortSpec,
    },
    /// Pairs of links and what these lead to, in order, by owner: of owners in view.
    InView {
        /// Links by owner.
        left: NodeId,
        /// What they lead to, by key.
        right: NodeId,
        /// Columns of a link that are the key of what it leads to.
        target: Vec<Path>,
        /// Order.
        sort: SortSpec,
    },
    /// Rows paired with window functions.
    Window {
        /// Input.
        input: NodeId,
        /// Partition columns.
        partition: Vec<Path>,
        /// Order within a partition, then the key.
        sort: SortSpec,
        /// How many of the sort's columns are the order.
        order: usize,
        /// Functions.
        columns: Vec<WindowColumn>,
    },
    /// Rows in order by group, for operators.
    ArrangeInOrder {
        /// Input.
        input: NodeId,
        /// Group columns.
        group: Vec<Path>,
        /// Order.
        sort: SortSpec,
    },
    /// Part of each list of an ordered arrangement.
    Top {
        /// The arrangement.
        input: NodeId,
        /// Rows passed over in each list.
        offset: usize,
        /// At most so many rows of each list.
        limit: usize,
    },
    /// Union, intersection or difference.
    Combine {
        /// Left input.
        left: NodeId,
        /// Right input.
        right: NodeId,
        /// Which.
        op: SetOp,
        /// Equal rows are kept apart.
        all: bool,
        /// Columns of either side.
        columns: [Vec<Path>; 2],
    },
    /// Facts of a recursion's relation so far, with their ranks: what its branches read.
    Growing {
        /// The recursion.
        recursion: Rc<Recursion>,
        /// Number of the relation.
        relation: usize,
        /// Whose gates its branches read through, if any: what grows behind these is of one query alone.
        gated: Option<u32>,
    },
    /// The least fixpoint of branches over growing relations.
    Fixpoint {
        /// The growing relations.
        growing: Vec<NodeId>,
        /// Derivations, per branch.
        branches: Vec<NodeId>,
    },
    /// The facts of one relation of a fixpoint.
    Grown {
        /// The recursion.
        recursion: Rc<Recursion>,
        /// The fixpoint.
        fixpoint: NodeId,
        /// Number of the relation.
        relation: usize,
    },
}

impl Spec {
    /// Input nodes.
    pub fn inputs(&self) -> Vec<NodeId> {
        match self {
            Spec::Source(_) | Spec::Growing { .. } => vec![],
            Spec::Fixpoint { growing, branches } => [&growing[..], branches].concat(),
            Spec::Grown { fixpoint, .. } => vec![*fixpoint],
            Spec::Gather { inputs, .. } => inputs.clone(),
            Spec::Join { left, right, or, .. } | Spec::SemiJoin { left, right, or, .. } => [&[*left, *right], &or[..]].concat(),
            Spec::InView { left, right, .. } | Spec::Bound { left, right, .. } | Spec::Combine { left, right, .. } => {
                vec![*left, *right]
            }
            Spec::ParamFilter { input, params, .. }
            | Spec::ParamExtend { input, params, .. }
            | Spec::Seek { input, params, .. }
            | Spec::ParamTop { input, params, .. } => vec![*input, *params],
            Spec::Gate { input, .. }
            | Spec::Filter { input, .. }
            | Spec::Extend { input, .. }
            | Spec::Unnest { input, .. }
            | Spec::ArrangeByKey { input, .. }
            | Spec::Link { input, .. }
            | Spec::Aggregate { input, .. }
            | Spec::Order { input, .. }
            | Spec::Window { input, .. }
            | Spec::ArrangeInOrder { input, .. }
            | Spec::Top { input, .. } => vec![*input],
        }
    }

    /// Has one node in the place of another among its inputs; whether it is of a kind that can. What reads parameters keeps the
    /// number of its input, and is of one query alone; joins read arrangements.
    #[inline(never)]
    pub(super) fn read_instead(&mut self, of: NodeId, other: NodeId) -> bool {
        let turn = |input: &mut NodeId| {
            if *input == of {
                *input = other;
            }
        };
        match self {
            Spec::Filter { input, .. }
            | Spec::Extend { input, .. }
            | Spec::Unnest { input, .. }
            | Spec::ArrangeByKey { input, .. }
            | Spec::Link { input, .. }
            | Spec::Aggregate { input, .. }
            | Spec::Order { input, .. }
            | Spec::Window { input, .. }
            | Spec::ArrangeInOrder { input, .. } => turn(input),
            Spec::Combine { left, right, .. } => [left, right].into_iter().for_each(turn),
            Spec::Gather { inputs, .. } => inputs.iter_mut().for_each(turn),
            _ => return false,
        }
        true
    }

    /// Name for `explain`.
    pub fn name(&self) -> &'static str {
        match self {
            Spec::Source(_) => "source",
            Spec::Gate { .. } => "gate",
            Spec::Filter { .. } | Spec::ParamFilter { .. } => "filter",
            Spec::Extend { .. } | Spec::ParamExtend { .. } => "extend",
            Spec::Seek { .. } => "seek",
            Spec::Unnest { .. } => "unnest",
            Spec::ArrangeByKey { .. } => "arrange",
            Spec::Join { kind: JoinKind::Inner, .. } => "join",
            Spec::Join { kind: JoinKind::Left, .. } => "left join",
            Spec::SemiJoin { anti: false, .. } => "semi join",
            Spec::SemiJoin { anti: true, .. } => "anti join",
            Spec::Bound { .. } => "bound",
            Spec::Join { kind: JoinKind::Right, .. } => "right join",
            Spec::Join { kind: JoinKind::Full, .. } => "full join",
            Spec::Link { .. } => "link",
            Spec::Aggregate { calls, .. } if calls.is_empty() => "distinct",
            Spec::Aggregate { .. } => "aggregate",
            Spec::Gather { inputs, .. } if inputs.len() == 1 => "packed rows",
            Spec::Gather { .. } => "grouping sets",
            Spec::Order { .. } => "order",
            Spec::InView { .. } => "in view",
            Spec::Window { .. } => "window",
            Spec::ArrangeInOrder { .. } => "arrange in order",
            Spec::Top { .. } | Spec::ParamTop { .. } => "top",
            Spec::Growing { .. } => "growing",
            Spec::Fixpoint { .. } => "fixpoint",
            Spec::Grown { .. } => "recursive",
            Spec::Combine { op: SetOp::Union, .. } => "union",
            Spec::Combine { op: SetOp::Intersect, .. } => "intersect",
            Spec::Combine { op: SetOp::Except, .. } => "except",
        }
    }
}
