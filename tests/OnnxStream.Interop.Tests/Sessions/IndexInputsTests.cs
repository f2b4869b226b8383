using OnnxStream.Interop.Tests.Onnx;

namespace OnnxStream.Interop.Tests.Sessions;

/// <summary>Which inputs are indices, and of how many entries.</summary>
public class IndexInputsTests
{
    [Test]
    public void TokensArePickedFromAVocabulary() =>
        Finds(Ids().Initializer("table", TestTensors.Floats(1, 50, 4)).Node("Gather", "table ids", "y"), 50);

    [Test]
    public void TheAxisDecides([Values("Gather", "GatherElements")] string operatorType) =>
        Finds(Ids().Initializer("table", TestTensors.Floats(1, 50, 4)).Node(operatorType, "table ids", "y", ("axis", -1)), 4);

    [Test]
    public void TuplesAreForTheSmallestAxis() => Finds(Ids().Initializer("table", TestTensors.Floats(1, 50, 4)).Node("GatherND", "table ids", "y"), 4);

    [Test]
    public void ClassesLieInADepth([Values] bool isNode)
    {
        ModelBuilder builder = Ids().Initializer("values", TestTensors.Floats(1, 2));
        _ = isNode ? builder.Node("Constant", "", "depth", ("value_int", 7L)) : builder.Initializer("depth", TestTensors.Integers(7));
        Finds(builder.Node("OneHot", "ids depth values", "y"), 7);
    }

    [Test]
    public void IndicesMayBeMovedFirst() =>
        Finds(
            Ids().Node("Constant", "", "table", ("value", TestTensors.Floats(1, 9, 4))).Node("Cast", "ids", "wide", ("to", 7)).Node("Constant", "", "axes", ("value_ints", new[] { 0L })).Node("Unsqueeze", "wide axes", "u")
                .Node("Constant", "", "shape", ("value_ints", new[] { -1L })).Node("Reshape", "u shape", "r").Node("Identity", "r", "i").Node("Gather", "table i", "y"),
            9);

    [Test]
    public void TheSmallestTableDecides() =>
        Finds(Ids().Initializer("large", TestTensors.Floats(1, 50, 4)).Initializer("small", TestTensors.Floats(1, 2, 4)).Node("Gather", "large ids", "a").Node("Gather", "small ids", "b").Node("Add", "a b", "y"), 2);

    [Test]
    public void QuantizedTablesHaveTheirSize() =>
        Finds(Ids().Initializer("table", new TensorBuffer(ElementType.Int8, new Shape(50, 4))).Initializer("s", TestTensors.Floats(1)).Node("DequantizeLinear", "table s", "d").Node("Gather", "d ids", "y"), 50);

    [Test]
    public void OfAComputedTableOneEntryIsCertain() =>
        Finds(Ids().Input("x", ElementType.Float32, 5, 4).Node("Exp", "x", "e").Node("Gather", "e ids", "y"), 1);

    [Test]
    public void BodiesOfLoopsPick()
    {
        ModelBuilder body = new ModelBuilder(17).Input("i", ElementType.Int64).Input("go", ElementType.Bool).Input("inner", ElementType.Int64, 2, 3)
            .Node("Identity", "go", "go2").Node("Identity", "inner", "next").Node("Gather", "table inner", "picked").Output("go2", ElementType.Bool).Output("next", ElementType.Int64).Output("picked");
        body.Graph.Name = "body";
        Finds(Ids().Initializer("table", TestTensors.Floats(1, 11, 4)).Initializer("m", TestTensors.Integers(2)).Node("Loop", "m - ids", "last y", ("body", body.Graph)), 11);
    }

    [Test]
    public void OtherIntegersAreNone() => Finds(Ids().Node("Cast", "ids", "f", ("to", 1)).Node("Exp", "f", "y"), null);

    private static ModelBuilder Ids() => new ModelBuilder(17).Input("ids", ElementType.Int64, 2, 3);

    private static void Finds(ModelBuilder builder, long? entries)
    {
        IReadOnlyDictionary<string, long> found = ModelBytes.Load(builder.Output("y").Build()).FindIndexInputs();
        Assert.That(found, Is.EqualTo(entries is { } number ? new Dictionary<string, long> { ["ids"] = number } : []));
    }
}
