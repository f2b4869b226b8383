using System.Runtime.InteropServices;
using OnnxStream.Interop.Onnx;
using OnnxStream.Interop.Tests;

namespace OnnxStream.Interop.Conformance.Tests;

/// <summary>Runs the test cases of the ONNX project and compares with the outputs of the reference, within the reference's own tolerance.</summary>
public sealed class ConformanceTests
{
    // What the ONNX project's own runner of these cases allows: |actual - expected| <= Absolute + Relative * |expected|.
    private const double Relative = 1e-3;
    private const double Absolute = 1e-7;

    [TestCaseSource(nameof(Cases))]
    public void Case(string name) => Check(name, new SessionOptions { ThreadCount = 2 });

    /// <summary>Runs a case on all of its data sets and compares.</summary>
    /// <param name="name">The case.</param>
    /// <param name="options">How.</param>
    /// <param name="trace">Receives the steps; null for none.</param>
    internal static void Check(string name, SessionOptions options, RunTrace? trace = null)
    {
        using InferenceSession session = new(ConformanceSuite.Model(name), options);
        List<string> dataSets = [.. ConformanceSuite.DataSets(name)];
        Assert.That(dataSets, Is.Not.Empty);
        foreach (string dataSet in dataSets)
        {
            List<string> files = [.. ConformanceSuite.Files(dataSet, "input")];
            Dictionary<string, OnnxValue> inputs = [];
            for (int i = 0; i < session.Inputs.Count; i++)
            {
                if (Load(files[i], session.Inputs[i]) is { } value)
                {
                    inputs.Add(session.Inputs[i].Name, value);
                }
            }

            RunResult result = session.Run(inputs, new RunOptions { Trace = trace });
            files = [.. ConformanceSuite.Files(dataSet, "output")];
            Assert.That(files, Has.Count.EqualTo(session.Outputs.Count));
            Dictionary<string, TensorBuffer>? oracle = CaseList.Contradicted.ContainsKey(name) ? Oracle.Run(ConformanceSuite.Model(name), inputs.ToDictionary(pair => pair.Key, pair => (TensorBuffer)pair.Value)) : null;
            for (int i = 0; i < files.Count; i++)
            {
                string output = session.Outputs[i].Name;
                OnnxValue? wanted = Load(files[i], session.Outputs[i]);
                if (wanted is not TensorBuffer expected)
                {
                    CheckOther(result.Values.GetValueOrDefault(output), wanted, output);
                    continue;
                }

                TensorBuffer actual = result[output];
                Assert.That(actual.Type, Is.EqualTo(expected.Type), output);
                if (CaseList.Random.TryGetValue(name, out string? rule))
                {
                    // Ten numbers may come out alike once in some hundred runs.
                    for (int again = 0; again < 4 && ToDoubles(actual).Distinct().Count() == 1; again++)
                    {
                        actual = session.Run(inputs)[output];
                    }

                    CheckRandom(actual, (TensorBuffer)inputs.Values.First(), rule, output);
                }
                else if (oracle is not null)
                {
                    Assert.That(FirstDifference(oracle[output], expected), Is.Not.Null, "ONNX Runtime agrees with the case: it contradicts nothing");
                    Assert.That(FirstDifference(actual, oracle[output]), Is.Null, output);
                }
                else
                {
                    Assert.That(FirstDifference(actual, expected), Is.Null, output);
                }
            }
        }
    }

    [TestCaseSource(nameof(AllCases))]
    public void LeftOutForAReasonThatIsTrue(string name)
    {
        using FileStream file = File.OpenRead(ConformanceSuite.Model(name));
        Assert.That(CaseList.LeftOut.GetValueOrDefault(name), Is.EqualTo(CaseProperties.WhyLeftOut(ModelProto.Parser.ParseFrom(file))));
    }

    [Test]
    public void ListsNameCasesThatExist()
    {
        if (ConformanceSuite.Folder is null)
        {
            Assert.Ignore(ConformanceSuite.Absent);
        }

        Assert.That(CaseList.LeftOut.Keys.Concat(CaseList.Random.Keys).Concat(CaseList.Contradicted.Keys).Except(ConformanceSuite.Cases), Is.Empty);
    }

    // A sequence, or an optional value without content.
    private static void CheckOther(OnnxValue? actual, OnnxValue? expected, string output)
    {
        if (expected is not TensorSequence sequence)
        {
            Assert.That(actual, Is.Null, output);
            return;
        }

        Assert.That(actual, Is.TypeOf<TensorSequence>(), output);
        TensorSequence made = (TensorSequence)actual!;
        Assert.That(made.ElementType, Is.EqualTo(sequence.ElementType), output);
        Assert.That(made.Select(tensor => tensor.Type), Is.EqualTo(sequence.Select(tensor => tensor.Type)), output);
        for (int i = 0; i < made.Count; i++)
        {
            Assert.That(FirstDifference(made[i], sequence[i]), Is.Null, $"{output}, tensor {i}");
        }
    }

    // The files of bfloat16 tensors say uint16, and those of CastLike's second input, of which only the type counts, hold one element of many.
    private static OnnxValue? Load(string path, ValueMetadata declared)
    {
        if (declared.IsSequence || declared.IsOptional)
        {
            return ValueFile.Load(path, declared);
        }

        TensorBuffer tensor = OnnxTensorFile.Load(path);
        bool isBFloat16 = declared.ElementType == ElementType.BFloat16 && tensor.ElementType == ElementType.UInt16;
        bool isOneOfMany = declared.Name == "like" && tensor.Shape.ElementCount == 1;
        if (!isBFloat16 && !isOneOfMany)
        {
            return tensor;
        }

        TensorBuffer same = new(declared.ElementType, isOneOfMany ? new Shape([.. declared.Dimensions!.Select(dimension => dimension.Value)]) : tensor.Shape);
        tensor.Bytes.CopyTo(same.Bytes);
        return same;
    }

    // What must hold for elements that a random generator decided about.
    private static void CheckRandom(TensorBuffer actual, TensorBuffer input, string rule, string output)
    {
        double[] numbers = ToDoubles(actual);
        double[] inputs = ToDoubles(input);
        for (int i = 0; i < numbers.Length; i++)
        {
            bool holds = numbers[i] == 0 || rule switch
            {
                "zero or one" => numbers[i] == 1,
                "zero or twice the input" => output != "y" ? numbers[i] == 1 : Math.Abs(numbers[i] - 2 * inputs[i]) <= Absolute + Relative * Math.Abs(2 * inputs[i]),
                "zero or four times the input" => output != "y" ? numbers[i] == 1 : Math.Abs(numbers[i] - 4 * inputs[i]) <= Absolute + Relative * Math.Abs(4 * inputs[i]),
                _ => throw new ArgumentException($"There is no rule '{rule}'."),
            };
            Assert.That(holds, Is.True, () => $"{output}: element {i} is {numbers[i]:R}, which is not {rule}");
        }

        Assert.That(numbers.Distinct().Count(), Is.GreaterThan(1), "nothing random was seen");
    }

    private static IEnumerable<TestCaseData> Cases() => Named("", ConformanceSuite.Cases.Except(CaseList.LeftOut.Keys));

    private static IEnumerable<TestCaseData> AllCases() => Named("Reason ", ConformanceSuite.Cases);

    private static IEnumerable<TestCaseData> Named(string prefix, IEnumerable<string> cases) =>
        ConformanceSuite.Folder is null ? [new TestCaseData("").SetName($"{prefix}(no cases)").Ignore(ConformanceSuite.Absent)] :
        cases.Select(name => new TestCaseData(name).SetName(prefix + name));

    // Where two tensors of one type differ by more than is allowed; null if nowhere.
    private static string? FirstDifference(TensorBuffer actual, TensorBuffer expected)
    {
        if (!actual.ElementType.IsFloat())
        {
            return actual.Bytes.SequenceEqual(expected.Bytes) ? null : $"{actual.Type} differs in byte {actual.Bytes.CommonPrefixLength(expected.Bytes)}";
        }

        double[] a = ToDoubles(actual);
        double[] b = ToDoubles(expected);
        for (int i = 0; i < a.Length; i++)
        {
            if (!a[i].Equals(b[i]) && !(Math.Abs(a[i] - b[i]) <= Absolute + Relative * Math.Abs(b[i])))
            {
                return $"element {i} of {actual.Type} is {a[i]:R}, expected {b[i]:R}";
            }
        }

        return null;
    }

    private static double[] ToDoubles(TensorBuffer tensor) => tensor.ElementType switch
    {
        ElementType.Float64 => tensor.Span<double>().ToArray(),
        ElementType.Float16 => Array.ConvertAll(tensor.Span<Half>().ToArray(), value => (double)value),
        ElementType.BFloat16 => Array.ConvertAll(MemoryMarshal.Cast<byte, ushort>(tensor.Bytes).ToArray(), bits => (double)BitConverter.Int32BitsToSingle(bits << 16)),
        ElementType.Bool => Array.ConvertAll(tensor.Span<bool>().ToArray(), value => value ? 1.0 : 0),
        _ => Array.ConvertAll(tensor.Span<float>().ToArray(), value => (double)value),
    };
}
