using Google.Protobuf;
using OnnxStream.Interop.Onnx;
using OnnxStream.Interop.Tests.Onnx;

namespace OnnxStream.Interop.Tests.Sessions;

/// <summary>Every model that loads can be described, whether it can run or not.</summary>
[NativeMemoryLeakCheck]
public class GraphStatisticsTests
{
    [Test]
    public void CountsTheOperationsOfProducts()
    {
        ModelSummary summary = ModelBytes.Load(Product(30).Build()).Summarize();
        Assert.That(summary.FlopCount, Is.EqualTo(2 * 4 * 30 * 40));
        Assert.That(summary.Operators, Is.EqualTo(new[] { new OperatorCount("MatMul", 1, true) }));
    }

    [Test]
    public void WhatContradictsItselfIsDescribedWithoutThem() => IsDescribed(Product(31).Build());

    [Test]
    public void VariantsThatAreNotSupportedAreDescribedWithoutThem() =>
        IsDescribed(new ModelBuilder(17).Input("x", ElementType.Float32, 2).Node("Constant", "", "t", ("value_strings", new[] { "a" })).Node("Identity", "x", "y").Output("y").Build());

    [Test]
    public void AttributesOfTheWrongKindAreDescribedWithoutThem() =>
        IsDescribed(new ModelBuilder(17, "com.microsoft").Input("x", ElementType.Float32, 2, 16).Initializer("w", new TensorBuffer(ElementType.UInt8, new Shape(3, 1, 8))).Initializer("s", TestTensors.Floats(1, 3))
            .Node("Constant", "", "c", ("value", "text")).Node("com.microsoft", "MatMulNBits", "x w s", "y", ("N", "three"), ("K", 16), ("block_size", 16)).Node("Add", "y c", "z").Output("z").Build());

    [Test]
    public void WeightsThatAreMissingOrTooLargeAreDescribedWithoutThem()
    {
        // A target shape that would have to be read to know the shapes.
        ModelProto model = new ModelBuilder(17).Input("x", ElementType.Float32, 2).Node("Reshape", "x shape", "y").Output("y").Build();
        TensorProto tensor = new() { Name = "shape", DataType = (int)ElementType.Int64, DataLocation = TensorProto.Types.DataLocation.External, Dims = { 512 } };
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = "data" });
        model.Graph.Initializer.Add(tensor);
        using TemporaryFolder folder = new();
        string data = folder.Write("data", new byte[4096]);
        Model read = Model.Load(folder.Write("m.onnx", model.ToByteArray()));
        File.Delete(data);
        Assert.That(read.Summarize().FlopCount, Is.Null);

        IsDescribed(new ModelBuilder(17).Input("x", ElementType.Float32, 1L << 40, 1).Input("y", ElementType.Float32, 1, 1L << 40).Node("MatMul", "x y", "z").Output("z").Build());
    }

    [Test]
    public void InputsWithoutATypeAreDescribedWithoutThem()
    {
        ModelProto model = new ModelBuilder(17).Input("x", ElementType.Undefined, 2).Node("Relu", "x", "y").Output("y").Build();
        IsDescribed(model);
    }

    private static ModelBuilder Product(int inputs) => new ModelBuilder(17).Input("x", ElementType.Float32, 4, inputs).Initializer("w", TestTensors.Floats(1, 30, 40)).Node("MatMul", "x w", "y").Output("y");

    private static void IsDescribed(ModelProto model)
    {
        ModelSummary summary = ModelBytes.Load(model).Summarize();
        Assert.That(summary.FlopCount, Is.Null);
        Assert.That(summary.Operators.Sum(count => count.Count), Is.EqualTo(model.Graph.Node.Count));
    }
}
