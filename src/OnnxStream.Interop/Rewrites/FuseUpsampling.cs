using System.Runtime.InteropServices;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;

namespace OnnxStream.Interop.Rewrites;

/// <summary>Lets a convolution read an image of half the size instead of one that was doubled for it: Conv(Resize(x)), channels-last.</summary>
/// <remarks>
/// Resize is nearest and by exactly 2 in height and width, with coordinates that make each pixel four: asymmetric and rounded down, or
/// half a pixel and rounded to the nearest. The convolution is one that Winograd's algorithm computes. The image of four times the
/// size never exists: in a VAE decoder it is the largest tensor of all.
/// </remarks>
internal static class FuseUpsampling
{
    /// <summary>Rewrites <paramref name="graph"/>.</summary>
    public static void Apply(Graph graph)
    {
        GraphEditor editor = new(graph);
        foreach (Node node in graph.Nodes)
        {
            if (node is { Domain: OperatorSets.InternalDomain, OperatorType: "Conv" } && node.Inputs[1]!.Constant is { Location: not null } weight &&
                editor.Producer(node.Inputs[0], "Resize") is { } resize && IsDoubling(resize))
            {
                if (Conv.CanUpsample(node))
                {
                    editor.Replace(node, "Conv", [resize.Inputs[0], .. node.Inputs[1..]], ConvFusion.Of(node) with { IsUpsampled = true }, node);
                }
            }
        }

        editor.Apply();
    }

    private static bool IsDoubling(Node resize)
    {
        Shape before = resize.Inputs[0]!.Type!.Value.Shape;
        Shape after = resize.Outputs[0]!.Type!.Value.Shape;
        string coordinates = resize.Attributes.String("coordinate_transformation_mode", "half_pixel");
        string rounding = resize.Attributes.String("nearest_mode", "round_prefer_floor");
        return resize.OperatorSet >= 11 && resize.Attributes.String("mode", "nearest") == "nearest" && before.Rank == 4 && after == new Shape(before[0], 2 * before[1], 2 * before[2], before[3]) &&
            ((coordinates == "asymmetric" && rounding == "floor") || (coordinates == "half_pixel" && rounding is "round_prefer_floor" or "round_prefer_ceil")) &&
            (resize.Inputs.Length < 3 || resize.Inputs[2] is not { } scales || scales.Type!.Value.Shape.ElementCount == 0 ||
                (scales.Constant?.Data is { } data && MemoryMarshal.Cast<byte, float>(data).SequenceEqual([1, 2, 2, 1])));
    }
}
