using System.Text.Json.Nodes;

namespace OnnxStream.Interop.Cli.Reports;

/// <summary>What <c>inspect --json</c> prints.</summary>
/// <param name="Format">The format of the model.</param>
/// <param name="Opset">The version of ONNX's operators; 0 where the format has none.</param>
/// <param name="Inputs">What a run must be given.</param>
/// <param name="OptionalInputs">What a run may be given besides: inputs with a default value.</param>
/// <param name="Outputs">What a run returns.</param>
/// <param name="Operators">The operators by type.</param>
/// <param name="Parameters">The number of elements of all weights: floating-point numbers, and integers that stand for such.</param>
/// <param name="WeightBytes">The bytes of all weights as they are stored.</param>
/// <param name="Flops">Floating-point operations of a run; null while dimensions are open, and where shapes depend on data or the model cannot run.</param>
/// <param name="Steps">The steps that are left after rewriting, by kernel; null unless asked for.</param>
internal sealed record InspectReport(
    string Format,
    long Opset,
    IReadOnlyList<ValueReport> Inputs,
    IReadOnlyList<ValueReport> OptionalInputs,
    IReadOnlyList<ValueReport> Outputs,
    IReadOnlyList<OperatorReport> Operators,
    long Parameters,
    long WeightBytes,
    long? Flops,
    IReadOnlyList<StepCountReport>? Steps);

/// <summary>The steps that a kernel computes.</summary>
/// <param name="Kernel">The kernel.</param>
/// <param name="Count">How many steps of a plan it computes.</param>
internal sealed record StepCountReport(string Kernel, int Count);

/// <summary>An input or output.</summary>
/// <param name="Name">Its name in the model.</param>
/// <param name="Type">Its element type, as ONNX calls it, as in <c>float</c>, <c>seq(float)</c> or <c>optional(float)</c>.</param>
/// <param name="Shape">For each dimension its number, or the name of an open one, or null; null where not even the rank is declared.</param>
internal sealed record ValueReport(string Name, string Type, JsonArray? Shape)
{
    /// <summary>Describes an input or output.</summary>
    public static ValueReport Of(ValueMetadata value) => new(
        value.Name,
        TypeName(value),
        value.Dimensions is null ? null : [.. value.Dimensions.Select(d => d.IsKnown ? JsonValue.Create(d.Value) : (JsonNode?)d.Symbol)]);

    /// <summary>The element type, and what it is of.</summary>
    public static string TypeName(ValueMetadata value)
    {
        string tensor = value.ElementType.ToOnnxName();
        string whole = value.IsSequence ? $"seq({tensor})" : tensor;
        return value.IsOptional ? $"optional({whole})" : whole;
    }
}

/// <summary>An operator type.</summary>
/// <param name="Type">ONNX's name of it.</param>
/// <param name="Count">How many nodes there are of it.</param>
/// <param name="Supported">Whether the model could run as far as this operator is concerned.</param>
internal sealed record OperatorReport(string Type, int Count, bool Supported);
