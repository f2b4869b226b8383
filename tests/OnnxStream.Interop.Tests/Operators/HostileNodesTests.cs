using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Tests.Operators;

/// <summary>Nodes of every operator of the registry that are wrong in every way: counts, types, ranks, shapes, contents, kinds and values of attributes.</summary>
/// <remarks>
/// Nothing here knows any operator. The names of attributes are those that an operator asks for, their kinds are what its refusals
/// say; a node that happens to work is kept, and what is wrong with the next ones is one thing in it. The environment variable
/// ONNXSTREAM_HOSTILE_NODES says how many are tried of each operator; the seeds are the same in every run.
/// </remarks>
[NativeMemoryLeakCheck]
public sealed partial class HostileNodesTests
{
    private const int DefaultTries = 400;
    private const long MemoryBudget = 32 << 20;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(10);

    private static readonly ElementType[] s_types = [.. Enum.GetValues<ElementType>().Where(type => type.SizeOf() > 0)];
    private static readonly long[] s_absurdIntegers = [0, 1, 2, 3, 7, 100, -1, -2, -100, int.MaxValue, int.MinValue, 1L << 31, 1L << 32, 1L << 40, (1L << 62) + 1, long.MaxValue, long.MinValue];
    private static readonly float[] s_absurdNumbers = [0, 1, -1, 0.5f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.MaxValue, float.Epsilon, 1e20f];
    private static readonly string[] s_texts = ["", "NOTSET", "SAME_UPPER", "VALID", "constant", "linear", "bij,bjk->bik", "...", "zzz", "forward", "bidirectional", "mean", "none", new string('x', 5000)];

    private static readonly Dictionary<string, Type> s_kinds = new()
    {
        ["int"] = typeof(long),
        ["float"] = typeof(float),
        ["string"] = typeof(string),
        ["ints"] = typeof(long[]),
        ["floats"] = typeof(float[]),
        ["strings"] = typeof(string[]),
        ["tensor"] = typeof(Constant),
        ["graph"] = typeof(Graph),
    };

    private static IEnumerable<TestCaseData> Operators() => OperatorRegistry.All
        .Where(key => key.Domain != OperatorSets.InternalDomain)
        .Select(key => new TestCaseData(key.Domain, key.OperatorType).SetArgDisplayNames($"{key.Domain}{(key.Domain.Length > 0 ? "." : "")}{key.OperatorType}"));

    [TestCaseSource(nameof(Operators))]
    public void AreComputedOrRefusedByName(string domain, string operatorType)
    {
        Random random = new(operatorType.Aggregate(17, (hash, letter) => hash * 31 + letter));
        Dictionary<string, Type?> attributes = [];
        List<Trial> working = [];
        int refused = 0;
        int tries = int.TryParse(Environment.GetEnvironmentVariable("ONNXSTREAM_HOSTILE_NODES"), CultureInfo.InvariantCulture, out int wanted) ? wanted : DefaultTries;
        for (int i = 0; i < tries; i++)
        {
            Trial trial = working.Count > 0 && random.Next(4) > 0 ? Break(working[random.Next(working.Count)], attributes, random) : Make(domain, operatorType, attributes, random);
            long start = Stopwatch.GetTimestamp();
            try
            {
                trial.Run(attributes);
                working.Add(trial);
            }
            catch (InvalidInputException exception)
            {
                // Indices are only known while a kernel runs, which may be one of several that the node is made of.
                refused++;
                Assert.That(exception.Message, Does.Contain(Trial.NodeName), trial.ToString());
            }
            catch (Exception exception) when (exception is InvalidGraphException or UnsupportedOperatorException)
            {
                refused++;
                Assert.That(exception.Message, Does.Contain(operatorType).And.Contain(Trial.NodeName), trial.ToString());
                Learn(attributes, exception.Message);
            }
            catch (MemoryBudgetException)
            {
            }
            catch (OperationCanceledException)
            {
            }
            catch (Exception exception) when (exception is not AssertionException)
            {
                Assert.Fail($"{trial}: {exception}");
            }

            Assert.That(Stopwatch.GetElapsedTime(start), Is.LessThan(s_limit + TimeSpan.FromSeconds(5)), trial.ToString());
        }

        TestContext.Out.WriteLine($"{working.Count} worked, {refused} refused; attributes {string.Join(", ", attributes.Select(pair => $"{pair.Key}: {pair.Value?.Name}"))}");
        Assert.That(refused, Is.GreaterThan(0));
    }

    // What an attribute should be is in the message that refuses another kind.
    private static void Learn(Dictionary<string, Type?> attributes, string message)
    {
        if (KindOfAttribute().Match(message) is { Success: true } match)
        {
            attributes[match.Groups[1].Value] = s_kinds.GetValueOrDefault(match.Groups[2].Value);
        }
    }

    [GeneratedRegex(@"attribute '(\w+)' is \w+, expected (\w+)\.")]
    private static partial Regex KindOfAttribute();

    private static Trial Make(string domain, string operatorType, Dictionary<string, Type?> attributes, Random random)
    {
        ElementType theme = random.Next(3) == 0 ? s_types[random.Next(s_types.Length)] : ElementType.Float32;
        long[] shape = Dimensions(random, random.Next(8) == 0 ? random.Next(9) : random.Next(1, 5));
        TensorBuffer?[] inputs = new TensorBuffer?[random.Next(12) == 0 ? random.Next(12) : random.Next(1, 5)];
        for (int i = 0; i < inputs.Length; i++)
        {
            inputs[i] = random.Next(12) == 0 ? null : Tensor(theme, shape, i, random);
        }

        Dictionary<string, object> given = [];
        foreach ((string name, Type? kind) in attributes)
        {
            if (random.Next(5) < 2)
            {
                given[name] = Value(kind, absurd: random.Next(4) == 0, random);
            }
        }

        return new Trial(domain, operatorType, random.Next(5) == 0 ? random.Next(0, 30) : random.Next(7, 24), inputs, random.Next(2) == 0, given, random.Next(6) == 0 ? random.Next(1, 6) : 1);
    }

    // One thing is wrong, or just other.
    private static Trial Break(Trial trial, Dictionary<string, Type?> attributes, Random random)
    {
        TensorBuffer?[] inputs = [.. trial.Inputs];
        Dictionary<string, object> given = new(trial.Attributes);
        int index = inputs.Length == 0 ? -1 : random.Next(inputs.Length);
        switch (random.Next(9))
        {
            case 0 when index >= 0:
                inputs[index] = null;
                break;
            case 1 when index >= 0:
                inputs = [.. inputs.Where((_, i) => i != index)];
                break;
            case 2:
                inputs = [.. inputs, Tensor(s_types[random.Next(s_types.Length)], Dimensions(random, random.Next(5)), 1, random)];
                break;
            case 3 when index >= 0 && inputs[index] is { } input:
                inputs[index] = Fill(new TensorBuffer(s_types[random.Next(s_types.Length)], input.Shape), absurd: false, random);
                break;
            case 4 when index >= 0 && inputs[index] is { } input:
                List<long> dimensions = [.. input.Shape.Dimensions];
                int place = random.Next(dimensions.Count + 1);
                if (random.Next(3) == 0 || place == dimensions.Count)
                {
                    dimensions.Insert(place, random.Next(4));
                }
                else if (random.Next(2) == 0)
                {
                    dimensions.RemoveAt(place);
                }
                else
                {
                    dimensions[place] = random.Next(6);
                }

                inputs[index] = Fill(new TensorBuffer(input.ElementType, new Shape([.. dimensions])), absurd: false, random);
                break;
            case 5 when index >= 0 && inputs[index] is { } input:
                inputs[index] = Fill(new TensorBuffer(input.ElementType, input.Shape), absurd: true, random);
                break;
            case 6 or 7 when attributes.Count > 0:
                (string name, Type? kind) = attributes.ElementAt(random.Next(attributes.Count));
                given[name] = Value(random.Next(6) == 0 ? null : kind, absurd: true, random);
                break;
            default:
                return trial with { OutputCount = random.Next(0, 8), AsConstants = !trial.AsConstants };
        }

        return trial with { Inputs = inputs, Attributes = given };
    }

    private static long[] Dimensions(Random random, int rank) => [.. Enumerable.Range(0, rank).Select(_ => (long)random.Next(random.Next(6) == 0 ? 0 : 1, rank > 4 ? 3 : 6))];

    private static TensorBuffer Tensor(ElementType theme, long[] shape, int index, Random random)
    {
        ElementType type = random.Next(10) switch
        {
            < 6 => theme,
            < 8 => index > 0 ? ElementType.Int64 : theme,
            8 => ElementType.Float32,
            _ => s_types[random.Next(s_types.Length)],
        };
        long[] dimensions = random.Next(8) switch
        {
            < 3 => shape,
            3 => shape[random.Next(shape.Length + 1)..],
            4 => [shape.Length],
            5 => shape.Length > 1 ? [shape[1]] : [1],
            6 => [.. shape.Select(_ => shape[random.Next(shape.Length)])],
            _ => Dimensions(random, random.Next(5)),
        };
        return Fill(new TensorBuffer(type, new Shape(dimensions)), absurd: random.Next(8) == 0, random);
    }

    private static TensorBuffer Fill(TensorBuffer tensor, bool absurd, Random random)
    {
        random.NextBytes(absurd ? tensor.Bytes : []);
        for (int i = 0; i < tensor.Shape.ElementCount; i++)
        {
            switch (tensor.ElementType)
            {
                case ElementType.Float32:
                    tensor.Span<float>()[i] = absurd ? s_absurdNumbers[random.Next(s_absurdNumbers.Length)] : random.Next(-8, 9) / 4f;
                    break;
                case ElementType.Float64:
                    tensor.Span<double>()[i] = absurd ? s_absurdNumbers[random.Next(s_absurdNumbers.Length)] : random.Next(-8, 9) / 4f;
                    break;
                case ElementType.Int64:
                    tensor.Span<long>()[i] = absurd ? s_absurdIntegers[random.Next(s_absurdIntegers.Length)] : random.Next(-1, 4);
                    break;
                case ElementType.Int32:
                    tensor.Span<int>()[i] = absurd ? (int)s_absurdIntegers[random.Next(s_absurdIntegers.Length)] : random.Next(-1, 4);
                    break;
                case ElementType.Bool:
                    tensor.Span<bool>()[i] = random.Next(2) == 0;
                    break;
                default:
                    if (!absurd && tensor.ElementType.SizeOf() == 1)
                    {
                        tensor.Bytes[i] = (byte)random.Next(4);
                    }

                    break;
            }
        }

        // Bytes with more bits than an element has are refused before there is a node.
        return TensorBuffer.FromPacked(tensor.ElementType, tensor.ToPacked(), tensor.Shape.Dimensions);
    }

    private static object Value(Type? kind, bool absurd, Random random)
    {
        kind ??= new[] { typeof(long), typeof(float), typeof(string), typeof(long[]), typeof(float[]), typeof(string[]), typeof(Constant), typeof(Graph) }[random.Next(8)];
        return
            kind == typeof(long) ? Integer() :
            kind == typeof(float) ? Number() :
            kind == typeof(string) ? s_texts[random.Next(s_texts.Length)] :
            kind == typeof(long[]) ? Many(Integer) :
            kind == typeof(float[]) ? Many(Number) :
            kind == typeof(string[]) ? Many(() => s_texts[random.Next(s_texts.Length)]) :
            kind == typeof(Constant) ? ToConstant(Tensor(s_types[random.Next(s_types.Length)], Dimensions(random, random.Next(3)), 0, random)) :
            Body(random);

        long Integer() => absurd ? s_absurdIntegers[random.Next(s_absurdIntegers.Length)] : random.Next(-1, 4);

        float Number() => absurd ? s_absurdNumbers[random.Next(s_absurdNumbers.Length)] : random.Next(-8, 9) / 4f;

        T[] Many<T>(Func<T> one) => [.. Enumerable.Range(0, random.Next(absurd ? 12 : 5)).Select(_ => one())];
    }

    // A graph that passes some of its inputs on.
    private static Graph Body(Random random)
    {
        List<Value> inputs = [.. Enumerable.Range(0, random.Next(5)).Select(i => new Value($"in{i}"))];
        List<Node> nodes = [.. inputs.Select((input, i) => new Node("Identity", "", 17, $"{Trial.NodeName} of the body {i}", [input], [new Value($"out{i}")], new Attributes()))];
        return new Graph { Name = "body", Inputs = inputs, Nodes = nodes, Outputs = [.. nodes.Select(node => node.Outputs[0]!).OrderBy(_ => random.Next())] };
    }

    private static Constant ToConstant(TensorBuffer tensor) => Constant.FromData(tensor.Type, tensor.Bytes.ToArray());

    private sealed record Trial(string Domain, string OperatorType, int OperatorSet, TensorBuffer?[] Inputs, bool AsConstants, Dictionary<string, object> Attributes, int OutputCount)
    {
        public const string NodeName = "the wrong one";

        /// <summary>Runs the node, and adds the names of attributes that it asked for.</summary>
        public void Run(Dictionary<string, Type?> asked)
        {
            Value?[] values = new Value?[Inputs.Length];
            Dictionary<string, TensorBuffer> given = [];
            for (int i = 0; i < values.Length; i++)
            {
                if (Inputs[i] is { } input)
                {
                    // The first stays a tensor of the run: constants alone would only be folded.
                    bool isConstant = AsConstants && i > 0;
                    values[i] = new Value($"i{i}")
                    {
                        Type = isConstant ? input.Type : null,
                        Constant = isConstant ? ToConstant(input) : null,
                        Declared = new ValueMetadata($"i{i}", input.ElementType, null),
                    };
                    if (!isConstant)
                    {
                        given.Add($"i{i}", input);
                    }
                }
            }

            Value[] outputs = [.. Enumerable.Range(0, OutputCount).Select(i => new Value($"o{i}"))];
            Node node = new(OperatorType, Domain, OperatorSet, NodeName, values, outputs, new Attributes(new Recorder(Attributes, asked)));
            Graph graph = new() { Name = "g", Inputs = [.. values.OfType<Value>().Where(value => value.Constant is null)], Nodes = [node], Outputs = [.. outputs] };
            using InferenceSession session = new(new Model(new ModelContent("hostile.onnx", "ONNX", new Dictionary<string, long>(), graph)), new SessionOptions { ThreadCount = 1, MemoryBudget = MemoryBudget });
            using CancellationTokenSource source = new(s_limit);
            session.Run(given, null, source.Token);
        }

        public override string ToString() =>
            $"{Domain}.{OperatorType} of operator set {OperatorSet} ({(AsConstants ? "constants " : "")}{string.Join(", ", Inputs.Select(input => input is null ? "none" : $"{input} = {Show(input)}"))}) -> {OutputCount}; " +
            string.Join(", ", Attributes.Select(pair => $"{pair.Key} = {(pair.Value is Array array ? $"[{string.Join(',', array.Cast<object>())}]" : pair.Value is Constant constant ? constant.Type : pair.Value)}"));

        private static string Show(TensorBuffer tensor) =>
            tensor.ElementType == ElementType.Int64 ? $"[{string.Join(',', tensor.Span<long>()[..Math.Min(8, tensor.Span<long>().Length)].ToArray())}]" :
            Convert.ToHexString(tensor.Bytes[..Math.Min(16, tensor.Bytes.Length)]);
    }

    // Attributes that remember what was asked for.
    private sealed class Recorder(Dictionary<string, object> values, Dictionary<string, Type?> asked) : IReadOnlyDictionary<string, object>
    {
        public IEnumerable<string> Keys => values.Keys;

        public IEnumerable<object> Values => values.Values;

        public int Count => values.Count;

        public object this[string key] => values[key];

        public bool ContainsKey(string key)
        {
            Remember(key);
            return values.ContainsKey(key);
        }

        public bool TryGetValue(string key, [System.Diagnostics.CodeAnalysis.MaybeNullWhen(false)] out object value)
        {
            Remember(key);
            return values.TryGetValue(key, out value);
        }

        private void Remember(string key) => asked.TryAdd(key, null);

        public IEnumerator<KeyValuePair<string, object>> GetEnumerator() => values.GetEnumerator();

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => values.GetEnumerator();
    }
}
