using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Onnx;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Tests;

namespace OnnxStream.Interop.Conformance.Tests.Types;

/// <summary>The attributes that the library knows of each operator are those of schemas.txt in every operator set, and those of ONNX Runtime.</summary>
public sealed class OperatorAttributeTests
{
    private static readonly string[] s_strangers = ["activation", "onnxstream.low", "kind", "gate"];

    // ONNX Runtime makes initializers of constants before it looks at attributes. Its own LayerNormalization, and functions that it writes out, take any.
    private static readonly string[] s_unchecked = ["Constant", "LayerNormalization", "com.microsoft.BiasDropout"];

    [Test]
    public void LibraryHasTheTable()
    {
        using (Assert.EnterMultipleScope())
        {
            foreach ((OperatorSchema schema, int operatorSet) in Sets())
            {
                Assert.That(
                    AttributeTable.Find(OperatorSchema.Domain(schema.Name), OperatorType(schema), operatorSet)?.Select(pair => $"{pair.Key}:{pair.Value.KindName}{(pair.Value.Default is { } value ? $"={value}" : "")}"),
                    Is.EquivalentTo(schema.Attributes.Select(pair => $"{pair.Key}:{pair.Value.TrimEnd('!')}")), $"{schema.Name} of operator set {operatorSet}: run Graphs/attributes.py");
            }
        }
    }

    [Test]
    public void EveryVersionTakesItsAttributes()
    {
        using (Assert.EnterMultipleScope())
        {
            foreach ((OperatorSchema schema, int operatorSet) in Sets())
            {
                Dictionary<string, object> right = schema.Attributes.Where(pair => Value(pair.Value) is not null).ToDictionary(pair => pair.Key, pair => Value(pair.Value)!);
                Assert.That(() => Check(schema, operatorSet, right), Throws.Nothing);
                Assert.That(() => Check(schema, operatorSet, new(right) { ["__note"] = 1L }), Throws.Nothing);
                foreach (string stranger in s_strangers.Where(name => !right.ContainsKey(name)))
                {
                    Assert.That(() => Check(schema, operatorSet, new(right) { [stranger] = "silu" }), Throws.TypeOf<InvalidGraphException>().With.Message.Contains($"'the node' (operator set {operatorSet}): attribute '{stranger}' is unknown"));
                }

                foreach ((string name, object value) in right)
                {
                    Assert.That(() => Check(schema, operatorSet, new(right) { [name] = value is long ? "1" : 1L }), Throws.TypeOf<InvalidGraphException>().With.Message.Contains($"attribute '{name}' is "));
                }
            }
        }
    }

    // A node that ONNX Runtime takes, with one attribute more.
    [TestCaseSource(nameof(Versions))]
    public void OnnxRuntimeKnowsTheSame(string name, int version)
    {
        OperatorSchema schema = OperatorSchema.All.Single(schema => schema.Name == name && schema.Version == version);
        OperatorSample sample = OperatorSample.All.First(sample => sample.IsFor(schema));
        ElementType type = (sample.Parameter(schema) is { } parameter ? schema.Types[parameter].Select(OperatorSample.FindType).FirstOrDefault(found => found is not null) : null) ?? ElementType.Float32;
        byte[] model = sample.Build(name, schema.OperatorSet, type, type).Model;
        using (Assert.EnterMultipleScope())
        {
            foreach (string attribute in AttributeTable.Find(OperatorSchema.Domain(name), OperatorType(schema), schema.OperatorSet)!.Keys)
            {
                Assert.That(IsUnknownToRuntime(model, OperatorType(schema), attribute), Is.False, attribute);
            }

            Assert.That(s_strangers.Where(attribute => IsUnknownToRuntime(model, OperatorType(schema), attribute)), s_unchecked.Contains(name) ? Is.Empty : Is.EqualTo(s_strangers.Where(stranger => !schema.Attributes.ContainsKey(stranger))));
            Assert.That(IsUnknownToRuntime(model, OperatorType(schema), "__activation"), Is.False);
        }
    }

    private static bool IsUnknownToRuntime(byte[] bytes, string operatorType, string attribute)
    {
        ModelProto model = ModelProto.Parser.ParseFrom(bytes);
        NodeProto node = model.Graph.Node.First(node => node.OpType == operatorType);
        if (node.Attribute.Any(given => given.Name == attribute))
        {
            return false;
        }

        node.Attribute.Add(ModelBuilder.Attribute(attribute, "silu"));
        try
        {
            using Microsoft.ML.OnnxRuntime.SessionOptions options = new() { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
            using Microsoft.ML.OnnxRuntime.InferenceSession session = new(model.ToByteArray(), options);
            return false;
        }
        catch (OnnxRuntimeException exception)
        {
            return exception.Message.Contains("Unrecognized attribute", StringComparison.Ordinal);
        }
    }

    private static void Check(OperatorSchema schema, int operatorSet, Dictionary<string, object> attributes) => AttributeChecker.Check(
        new Graph { Name = "g", Nodes = [new Node(OperatorType(schema), OperatorSchema.Domain(schema.Name), operatorSet, "the node", [], [], new Attributes(attributes))] });

    // Of a kind that a reader makes.
    private static object? Value(string kind) => kind.Split('=', '!')[0] switch
    {
        "float" => 1f,
        "int" => 1L,
        "string" => "1",
        "tensor" => Constant.FromData(new TensorType(ElementType.Float32, new Shape(1)), new byte[4]),
        "graph" => new Graph { Name = "inside" },
        "floats" => new[] { 1f },
        "ints" => new[] { 1L },
        "strings" => new[] { "1" },
        _ => null,
    };

    private static string OperatorType(OperatorSchema schema) => schema.Name[(schema.Name.LastIndexOf('.') + 1)..];

    private static IEnumerable<(OperatorSchema Schema, int OperatorSet)> Sets() => OperatorSchema.All.SelectMany(
        schema => Enumerable.Range(schema.OperatorSet, Math.Max(schema.Last - schema.OperatorSet, 0) + 1).Select(operatorSet => (schema, operatorSet)));

    private static IEnumerable<TestCaseData> Versions() => OperatorSchema.All.Where(schema => !schema.IsDeprecated && schema.IsInRuntime && OperatorSample.All.Any(sample => sample.IsFor(schema)))
        .Select(schema => new TestCaseData(schema.Name, schema.Version).SetName($"Attributes {schema.Name}-{schema.Version}"));
}
