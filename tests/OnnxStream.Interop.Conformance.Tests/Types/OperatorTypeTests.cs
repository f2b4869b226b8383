using Microsoft.ML.OnnxRuntime;
using OnnxStream.Interop.Tests;

namespace OnnxStream.Interop.Conformance.Tests.Types;

/// <summary>
/// Runs a node of every operator of the domain ai.onnx, in every version that operator sets 6 to 28 have, with every type that the specification allows,
/// and of those of com.microsoft that are supported.
/// </summary>
/// <remarks>
/// ONNX Runtime is the reference. Where it has no kernel for the type in that version, it computes the same numbers in a wider type, or in a newer version of
/// the operator in which the node means the same; where it has none of these, this library in a wider type is the reference. What is left out stands in
/// types-left-out.txt with the reason, and must fail.
/// </remarks>
public sealed class OperatorTypeTests
{
    // Operators that are made of others round after each of them where constants are folded.
    private const double RoundedOften = 4;

    // In which type the same numbers are computed where a type has no reference: the first that there is. Reals come first for integers of 4 and 2 bits,
    // to which Cast rounds, while it truncates to wider ones.
    private static readonly ElementType[] s_wideReals = [ElementType.Float32, ElementType.Float64];
    private static readonly ElementType[] s_wideIntegers = [ElementType.Int64, ElementType.Int32, ElementType.Float64, ElementType.Float32, ElementType.UInt8, ElementType.Int8];

    // What ONNX Runtime computes in single precision, or with constants of that, where the model says double.
    private static readonly string[] s_singleInRuntime = ["Attention", "DFT", "Gelu", "GroupNormalization", "Shrink", "com.microsoft.FastGelu"];

    [TestCaseSource(nameof(Versions))]
    public void Agrees(string name, int version)
    {
        OperatorSchema schema = OperatorSchema.All.Single(schema => schema.Name == name && schema.Version == version);
        List<string> wrong = [];
        foreach (IGrouping<string?, OperatorSample> samples in OperatorSample.All.Where(sample => sample.IsFor(schema)).GroupBy(sample => sample.Parameter(schema)))
        {
            foreach (string type in samples.Key is null ? ["float"] : schema.Types[samples.Key])
            {
                if ((samples.All(sample => sample.HasContainers(schema)) ? OperatorSample.FindElementType(type) : OperatorSample.FindType(type)) is not { } elementType)
                {
                    continue;
                }

                string? failure = samples.Select(sample => Failure(schema, sample, elementType)).FirstOrDefault(text => text is not null);
                string key = $"{name} {version} {samples.Key ?? "-"} {type}";
                bool isLeftOut = TypeLists.LeftOut.ContainsKey((name, $"{version}", samples.Key ?? "-", type));
                if (failure is null ? isLeftOut : !isLeftOut)
                {
                    wrong.Add(failure is null ? $"{key}: passes, so types-left-out.txt should not name it" : $"{key}: {failure}");
                }
            }
        }

        Assert.That(wrong, Is.Empty, () => string.Join(Environment.NewLine, wrong));
    }

    [Test]
    public void EveryVersionHasASampleOrAReason()
    {
        IEnumerable<string> missing = OperatorSchema.All
            .Where(schema => !schema.IsDeprecated && !OperatorSample.All.Any(sample => sample.IsFor(schema)) && !TypeLists.LeftOut.ContainsKey((schema.Name, "*", "*", "*")))
            .Select(schema => $"{schema.Name} {schema.Version}");
        Assert.That(missing, Is.Empty);
    }

    [Test]
    public void WhatIsLeftOutIsInTheTable()
    {
        IEnumerable<(string Operator, string Version, string Parameter, string Type)> strangers = TypeLists.LeftOut.Keys.Where(key =>
            key.Operator == "*" ? OperatorSample.FindType(key.Type) is not null || !OperatorSchema.All.Any(schema => schema.Types.Values.Any(types => types.Contains(key.Type))) :
            key.Version == "*" ? !OperatorSchema.All.Any(schema => schema.Name == key.Operator) || OperatorSample.All.Any(sample => OperatorSchema.All.Any(schema => schema.Name == key.Operator && sample.IsFor(schema))) :
            !OperatorSchema.All.Any(schema => schema.Name == key.Operator && $"{schema.Version}" == key.Version && (key.Parameter == "-" || (schema.Types.TryGetValue(key.Parameter, out string[]? types) && types.Contains(key.Type)))));
        Assert.That(strangers, Is.Empty);
    }

    [Test]
    public void TypesThatNobodyComputesAreLeftOut()
    {
        IEnumerable<string> unknown = OperatorSchema.All.SelectMany(schema => schema.Types.Values).SelectMany(types => types).Distinct()
            .Where(type => OperatorSample.FindType(type) is null && !type.Contains('(', StringComparison.Ordinal) && !TypeLists.LeftOut.ContainsKey(("*", "*", "*", type)));
        Assert.That(unknown, Is.Empty);
    }

    // ONNX Runtime holds the specification's schemas: it says which types they allow. The table was written by hand from version 18 on.
    [TestCaseSource(nameof(VersionsByHand))]
    public void TableAllowsWhatOnnxRuntimeAllows(string name, int version)
    {
        OperatorSchema schema = OperatorSchema.All.Single(schema => schema.Name == name && schema.Version == version);
        List<string> wrong = [];
        foreach (OperatorSample sample in OperatorSample.All.Where(sample => sample.IsFor(schema) && sample.HasChosenInput))
        {
            if (sample.Parameter(schema) is { } parameter)
            {
                foreach (ElementType type in Enum.GetValues<ElementType>().Where(type => type.SizeOf() > 0))
                {
                    Reference(schema.Name, schema.OperatorSet, sample, type, type, out bool isForbidden, out string message);
                    if (isForbidden == schema.Types[parameter].Contains(type.ToOnnxName()))
                    {
                        wrong.Add($"{name} {version} {parameter} {type.ToOnnxName()}: ONNX Runtime {(isForbidden ? "refuses" : "allows")} it: {message}");
                    }
                }
            }
        }

        Assert.That(wrong, Is.Empty, () => string.Join(Environment.NewLine, wrong));
    }

    // What is wrong with a node; null if nothing. The newest version is computed again while planning, from constants.
    private static string? Failure(OperatorSchema schema, OperatorSample sample, ElementType type)
    {
        Dictionary<string, TensorBuffer> actual;
        Dictionary<string, TensorBuffer>? folded;
        try
        {
            actual = Run(schema.Name, schema.OperatorSet, sample, type, type);
            folded = schema.Last == OperatorSchema.Newest && sample.HasChosenInput ? Run(schema.Name, schema.OperatorSet, sample, type, type, areConstants: true) : null;
        }
        catch (OnnxStreamException exception)
        {
            return $"refused: {exception.Message}";
        }

        (Dictionary<string, TensorBuffer> expected, ElementType computed) = Expected(schema, sample, type);
        return Difference(schema, sample, type, actual, expected, computed) ?? (folded is null ? null : Difference(schema, sample, type, folded, expected, computed, RoundedOften));
    }

    private static string? Difference(OperatorSchema schema, OperatorSample sample, ElementType type, Dictionary<string, TensorBuffer> actual, Dictionary<string, TensorBuffer> expected, ElementType computed, double factor = 1)
    {
        for (int i = 0; i < actual.Count; i++)
        {
            TensorBuffer ours = actual[$"o{i}"];
            TensorBuffer theirs = expected[$"o{i}"];
            ElementType wanted = sample.HasChosenType(i) ? type : theirs.ElementType;
            if (ours.ElementType != wanted || !ours.Shape.Equals(theirs.Shape))
            {
                return $"output {i} is {ours.Type}, expected {wanted.ToOnnxName()}{theirs.Shape}";
            }

            // What was computed in another type is rounded to this one; reals become integers as ONNX's Cast says: those of 8 bits and more are truncated.
            double[] a = TestTensors.ToDoubles(ours);
            double[] b = TestTensors.ToDoubles(theirs.ElementType == wanted ? theirs : TestTensors.FromDoubles(wanted, wanted.IsFloat() || wanted.IsNarrow() ? TestTensors.ToDoubles(theirs) : Array.ConvertAll(TestTensors.ToDoubles(theirs), Math.Truncate), theirs.Shape.ToArray()));
            double tolerance = factor * Tolerance(type, s_singleInRuntime.Contains(schema.Name) ? ElementType.Float32 : computed, wanted);
            for (int k = 0; k < a.Length; k++)
            {
                if (!a[k].Equals(b[k]) && !(Math.Abs(a[k] - b[k]) <= tolerance * (1 + Math.Abs(b[k]))))
                {
                    return $"element {k} of output {i} is {a[k]:R}, expected {b[k]:R} (computed as {computed.ToOnnxName()})";
                }
            }
        }

        return null;
    }

    private static double Tolerance(ElementType type, ElementType computed, ElementType output) =>
        !output.IsFloat() ? 0 :
        output == ElementType.BFloat16 || type == ElementType.BFloat16 ? 1.0 / 64 :
        output == ElementType.Float16 || type == ElementType.Float16 ? 1.0 / 256 :
        output == ElementType.Float64 && computed == ElementType.Float64 ? 1e-10 : 1e-5;

    // What the outputs should be, and the type in which that was computed.
    private static (Dictionary<string, TensorBuffer> Outputs, ElementType Computed) Expected(OperatorSchema schema, OperatorSample sample, ElementType type)
    {
        ElementType[] candidates = [type, .. type == ElementType.Bool ? [] : (type.IsFloat() || type.IsNarrowFloat() ? s_wideReals : type.IsNarrow() ? [.. s_wideReals, .. s_wideIntegers] : s_wideIntegers).Where(wide => wide != type)];
        foreach (int operatorSet in new[] { schema.OperatorSet, Math.Min(sample.Last, OperatorSchema.NewestOfRuntime) }.Distinct())
        {
            foreach (ElementType candidate in candidates)
            {
                if (Reference(schema.Name, operatorSet, sample, candidate, type, out _, out _) is { } outputs)
                {
                    return (outputs, candidate);
                }
            }
        }

        foreach (ElementType candidate in candidates.Skip(1).Append(type))
        {
            try
            {
                return (Run(schema.Name, sample.Last, sample, candidate, type), candidate);
            }
            catch (OnnxStreamException)
            {
            }
        }

        throw new AssertionException($"{schema.Name} {schema.Version}: nobody computes it");
    }

    private static Dictionary<string, TensorBuffer>? Reference(string name, int operatorSet, OperatorSample sample, ElementType type, ElementType values, out bool isForbidden, out string message)
    {
        isForbidden = false;
        message = "";
        if (operatorSet > OperatorSchema.NewestOfRuntime)
        {
            return null;
        }

        (byte[] model, Dictionary<string, TensorBuffer> inputs) = sample.Build(name, operatorSet, type, values);
        try
        {
            return Oracle.Run(model, inputs, asWritten: true);
        }
        catch (OnnxRuntimeException exception)
        {
            message = exception.Message;
            isForbidden = exception.Message.Contains("Type Error", StringComparison.Ordinal) && exception.Message.Contains($"({name[(name.LastIndexOf('.') + 1)..]})", StringComparison.Ordinal);
            return null;
        }
    }

    private static Dictionary<string, TensorBuffer> Run(string name, int operatorSet, OperatorSample sample, ElementType type, ElementType values, bool areConstants = false)
    {
        (byte[] model, Dictionary<string, TensorBuffer> inputs) = sample.Build(name, operatorSet, type, values, areConstants);
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model), new SessionOptions { ThreadCount = 1 });
        RunResult result = session.Run(inputs);
        return session.Outputs.ToDictionary(output => output.Name, output => result[output.Name]);
    }

    private static IEnumerable<TestCaseData> Versions() => Cases("", _ => true);

    private static IEnumerable<TestCaseData> VersionsByHand() => Cases("Table ", schema => schema.IsByHand && schema.IsInRuntime);

    private static IEnumerable<TestCaseData> Cases(string prefix, Func<OperatorSchema, bool> condition) =>
        OperatorSchema.All.Where(schema => !schema.IsDeprecated && condition(schema) && OperatorSample.All.Any(sample => sample.IsFor(schema)))
            .Select(schema => new TestCaseData(schema.Name, schema.Version).SetName($"{prefix}{schema.Name}-{schema.Version}"));
}
