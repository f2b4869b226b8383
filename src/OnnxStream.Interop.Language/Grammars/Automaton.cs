namespace OnnxStream.Interop.Language.Grammars;

/// <summary>A grammar as an automaton with a stack: each rule is a network of nodes; an edge takes a byte, calls a rule, or takes nothing.</summary>
internal sealed class Automaton
{
    /// <summary>What an edge has in the place of a rule where it takes a byte.</summary>
    public const int TakesByte = -1;

    /// <summary>What an edge has in the place of a rule where it takes nothing.</summary>
    public const int TakesNothing = -2;

    /// <summary>The places of the edges of node <c>n</c>: from <c>n</c> to <c>n + 1</c>.</summary>
    public required int[] FirstEdges { get; init; }

    /// <summary>The edges, sorted by the node that they leave.</summary>
    public required Edge[] Edges { get; init; }

    /// <summary>Whether a rule is done at a node.</summary>
    public required bool[] IsFinal { get; init; }

    /// <summary>Whether nothing is left of a rule at a node, so that nobody needs to come back to it.</summary>
    public required bool[] IsEnd { get; init; }

    /// <summary>The node that a rule starts at.</summary>
    public required int[] Starts { get; init; }

    /// <summary>The rule that a whole text is.</summary>
    public required int Root { get; init; }

    /// <summary>A step from a node to another.</summary>
    /// <param name="Rule">The rule that is called, <see cref="TakesByte"/> or <see cref="TakesNothing"/>.</param>
    /// <param name="First">The first byte of those that may be taken.</param>
    /// <param name="Last">The last one.</param>
    /// <param name="Target">The node it leads to.</param>
    internal readonly record struct Edge(int Rule, byte First, byte Last, int Target);
}
