using OnnxStream.Interop.Onnx;

using Inputs = System.Collections.Generic.Dictionary<string, OnnxStream.Interop.OnnxValue>;

namespace OnnxStream.Interop.Tests.Sessions;

/// <summary>Sequences and optional values compared with ONNX Runtime: each operator, in loops and branches, at the borders of a model, and wrong ones.</summary>
[NativeMemoryLeakCheck]
public class SequenceRunnerTests
{
    private static readonly TypeProto s_float = new() { TensorType = new() { ElemType = (int)ElementType.Float32 } };

    [Test]
    public void ConstructAndRead([Values(-3, -1, 0, 2)] int position, [Values] bool isConstant, [Values(11, 17, 24)] int operatorSet)
    {
        // Other steps stand before, between and behind; the tensors differ in shape, and one is a constant of the model.
        ModelBuilder builder = new ModelBuilder(operatorSet).Input("x", ElementType.Float32, 2, 3).Input("y", ElementType.Float32, -1).Initializer("w", TestTensors.Floats(3, 30, 40));
        _ = isConstant ? builder.Initializer("p", Scalar(position)) : builder.Input("p", ElementType.Int64);
        builder.Node("Exp", "x", "e").Node("SequenceConstruct", "e y w", "s").Node("SequenceAt", "s p", "t").Node("SequenceLength", "s", "n").Node("Neg", "t", "o").Output("o").Output("n", ElementType.Int64);
        Inputs inputs = new() { ["x"] = TestTensors.Floats(1, 2, 3), ["y"] = TestTensors.Floats(2, 5) };
        Check(builder, isConstant ? inputs : new Inputs(inputs) { ["p"] = Scalar(position) });
    }

    [Test]
    public void PositionsOfInsertions([Values(-2, -1, 0, 1, 2, null)] int? position, [Values] bool isInt32)
    {
        ModelBuilder builder = new ModelBuilder(14).SequenceInput("s", ElementType.Float32, -1).Input("x", ElementType.Float32, 3).SequenceOutput("o").SequenceOutput("s2").Node("Identity", "s", "s2");
        Inputs inputs = new() { ["s"] = Sequence([2], [4]), ["x"] = TestTensors.Floats(9, 3) };
        if (position is { } given)
        {
            builder.Input("p", isInt32 ? ElementType.Int32 : ElementType.Int64);
            inputs.Add("p", isInt32 ? TensorBuffer.Create<int>([given]) : Scalar(given));
        }

        // The sequence that was inserted into is still there.
        Check(builder.Node("SequenceInsert", position is null ? "s x" : "s x p", "o"), inputs);
    }

    [Test]
    public void PositionsOfErasures([Values(-3, -1, 0, 2, null)] int? position)
    {
        ModelBuilder builder = new ModelBuilder(11).SequenceInput("s", ElementType.Int32, -1).SequenceOutput("o", ElementType.Int32).SequenceOutput("q", ElementType.Int32);
        builder.Node("SequenceErase", position is null ? "s" : "s p", "o").Node("SequenceErase", "o", "q");
        _ = position is { } given ? builder.Initializer("p", Scalar(given)) : builder;
        Check(builder, new Inputs { ["s"] = new TensorSequence(ElementType.Int32, TensorBuffer.Create<int>([1], 1), TensorBuffer.Create<int>([2, 3], 2), TensorBuffer.Create<int>([], 0)) });
    }

    [Test]
    public void EmptySequenceGrows([Values(ElementType.Float32, ElementType.Int64, ElementType.Bool, ElementType.Float16, ElementType.Float64)] ElementType type)
    {
        ModelBuilder builder = new ModelBuilder(11).Input("x", type, 2).SequenceOutput("o", type).Output("n", ElementType.Int64).Output("l", ElementType.Int64);
        _ = type == ElementType.Float32 ? builder.Node("SequenceEmpty", "", "e") : builder.Node("SequenceEmpty", "", "e", ("dtype", (long)type));
        builder.Node("SequenceLength", "e", "n").Node("SequenceInsert", "e x", "f").Node("SequenceInsert", "f x", "o").Node("SequenceLength", "o", "l");
        Check(builder, new Inputs { ["x"] = TestTensors.FromDoubles(type, [0, 1], 2) });
    }

    [Test]
    public void SplitWithoutLengths([Values(0, 1, -1)] int axis, [Values(0, 1)] int keepsAxis) =>
        Check(
            new ModelBuilder(11).Input("x", ElementType.Float32, 2, 3, 4).Node("Relu", "x", "r").Node("SplitToSequence", "r", "o", ("axis", axis), ("keepdims", keepsAxis)).SequenceOutput("o"),
            new Inputs { ["x"] = TestTensors.Floats(1, 2, 3, 4) });

    [Test]
    public void SplitIntoPartsOfALength([Values(1, 2, 3, 5, 9)] int length, [Values] bool isConstant, [Values(0, 1)] int axis)
    {
        ModelBuilder builder = new ModelBuilder(18).Input("x", ElementType.Float32, 5, 5).Node("SplitToSequence", "x n", "o", ("axis", axis)).SequenceOutput("o");
        _ = isConstant ? builder.Initializer("n", Scalar(length)) : builder.Input("n", ElementType.Int64);
        Inputs inputs = new() { ["x"] = TestTensors.Floats(1, 5, 5) };
        Check(builder, isConstant ? inputs : new Inputs(inputs) { ["n"] = Scalar(length) });
    }

    [Test]
    public void AxisStaysWhereLengthsAreGiven()
    {
        // ONNX Runtime drops it all the same, or fails.
        RunResult result = Run(
            new ModelBuilder(18).Input("x", ElementType.Float32, 4, 5).Initializer("n", Scalar(1)).Node("SplitToSequence", "x n", "o", ("axis", 1), ("keepdims", 0)).SequenceOutput("o"),
            new Inputs { ["x"] = TestTensors.Floats(1, 4, 5) });
        Assert.That(result.Sequence("o").Select(tensor => tensor.Type.ToString()), Is.EqualTo(Enumerable.Repeat("float[4,1]", 5)));
    }

    [Test]
    public void SplitIntoLengths([Values("5", "2,3", "1,0,4", "1,1,1,1,1")] string lengths)
    {
        long[] numbers = [.. lengths.Split(',').Select(long.Parse)];
        Check(
            new ModelBuilder(11).Input("x", ElementType.Int64, 2, 5, 2).Initializer("n", TensorBuffer.Create(numbers, numbers.Length)).Node("SplitToSequence", "x n", "o", ("axis", -2)).SequenceOutput("o", ElementType.Int64),
            new Inputs { ["x"] = TestTensors.FromDoubles(ElementType.Int64, [.. Enumerable.Range(0, 20).Select(i => (double)i)], 2, 5, 2) });
    }

    [Test]
    public void ConcatAlongAnAxis([Values(0, 1, 2, -1, -3)] int axis, [Values] bool leaves)
    {
        ModelBuilder builder = new ModelBuilder(13).SequenceInput("s", ElementType.Float32, -1, -1, -1).Node("ConcatFromSequence", "s", "c", ("axis", axis)).Output(leaves ? "c" : "o");
        _ = leaves ? builder : builder.Node("Neg", "c", "o");
        long[] second = [2, 3, 4];
        second[axis < 0 ? axis + 3 : axis] = 7;
        Check(builder, new Inputs { ["s"] = Sequence([2, 3, 4], second, [2, 3, 4]) }, new Inputs { ["s"] = Sequence([2, 3, 4]) });
    }

    [Test]
    public void ConcatAlongANewAxis([Values(0, 1, 2, -1, -3)] int axis) =>
        Check(
            new ModelBuilder(11).SequenceInput("s", ElementType.Float32, -1, -1).Node("ConcatFromSequence", "s", "o", ("axis", axis), ("new_axis", 1)).Output("o"),
            new Inputs { ["s"] = Sequence([2, 3], [2, 3]) }, new Inputs { ["s"] = Sequence([0, 3], [0, 3], [0, 3]) });

    [Test]
    public void LoopGrowsASequence([Values(0, 1, 2, 40)] int count)
    {
        // Each tensor has another shape than those before.
        GraphProto body = LoopBody().Other(true, "s", ElementType.Float32, true, false)
            .Node("Cast", "i", "f", ("to", 1)).Initializer("one", TensorBuffer.Create<long>([1], 1)).Node("Add", "i one", "length").Node("Expand", "f length", "t").Node("SequenceInsert", "s t", "s2").Node("Identity", "c", "c2")
            .Output("c2", ElementType.Bool).SequenceOutput("s2").Graph;
        body.Input[2].Type.SequenceType.ElemType.TensorType.Shape = null;
        Check(
            new ModelBuilder(13).Input("n", ElementType.Int64).Initializer("yes", TensorBuffer.Create<bool>([true])).Node("SequenceEmpty", "", "e").Node("Loop", "n yes e", "o", ("body", body)).SequenceOutput("o").Node("SequenceLength", "o", "l").Output("l", ElementType.Int64),
            new Inputs { ["n"] = Scalar(count) });
    }

    [Test]
    public void LoopTakesASequenceApart([Values(0, 1, 3)] int count)
    {
        // Half of the trips read, all erase; what is read is collected.
        GraphProto body = LoopBody().Other(true, "s", ElementType.Float32, true, false, -1)
            .Initializer("zero", Scalar(0)).Node("SequenceAt", "s zero", "t").Node("Mul", "t t", "square").Node("SequenceErase", "s zero", "s2").Node("Identity", "c", "c2")
            .Output("c2", ElementType.Bool).SequenceOutput("s2").Graph;
        body.Output.Add(ModelBuilder.Declare("square", ElementType.Float32, 3));
        Check(
            new ModelBuilder(13).Input("n", ElementType.Int64).Initializer("yes", TensorBuffer.Create<bool>([true])).SequenceInput("s", ElementType.Float32, -1).Node("Loop", "n yes s", "rest squares", ("body", body)).SequenceOutput("rest").Output("squares"),
            new Inputs { ["n"] = Scalar(count), ["s"] = Sequence([3], [3], [3], [3]) });
    }

    [Test]
    public void LoopInsideOfALoopWithBranches([Values(1, 4)] int count)
    {
        // Every other trip inserts a tensor that an inner loop makes of the sequence.
        GraphProto inner = new ModelBuilder(14).Input("i2", ElementType.Int64).Input("d", ElementType.Bool).Input("a", ElementType.Float32, 2)
            .Node("SequenceAt", "s i2", "v").Node("Add", "a v", "a2").Node("Identity", "d", "d2").Output("d2", ElementType.Bool).Output("a2").Graph;
        GraphProto then = new ModelBuilder(14).Node("SequenceLength", "s", "m").Node("Loop", "m yes x", "sum", ("body", inner)).Node("SequenceInsert", "s sum", "longer").SequenceOutput("longer").Graph;
        GraphProto otherwise = new ModelBuilder(14).Node("Identity", "s", "same").SequenceOutput("same").Graph;
        GraphProto body = LoopBody(14).Other(true, "s", ElementType.Float32, true, false, 2)
            .Initializer("two", Scalar(2)).Initializer("zero", Scalar(0)).Node("Mod", "i two", "odd").Node("Equal", "odd zero", "isEven").Node("If", "isEven", "s2", ("then_branch", then), ("else_branch", otherwise)).Node("Identity", "c", "c2")
            .Output("c2", ElementType.Bool).SequenceOutput("s2").Graph;
        Check(
            new ModelBuilder(14).Input("n", ElementType.Int64).Input("x", ElementType.Float32, 2).Initializer("yes", TensorBuffer.Create<bool>([true])).Node("SequenceConstruct", "x x", "s0").Node("Loop", "n yes s0", "o", ("body", body)).SequenceOutput("o"),
            new Inputs { ["n"] = Scalar(count), ["x"] = TestTensors.Floats(1, 2) });
    }

    [Test]
    public void BranchesGiveSequences([Values] bool condition, [Values] bool isConstant)
    {
        // One is made in the branch, the other one lies around it; a condition that is known does not make the branch a part of the plan.
        GraphProto then = new ModelBuilder(16).Node("Neg", "x", "m").Node("SequenceConstruct", "x m", "t").SequenceOutput("t").Graph;
        GraphProto otherwise = new ModelBuilder(16).Node("Identity", "s", "u").SequenceOutput("u").Graph;
        ModelBuilder builder = new ModelBuilder(16).Input("x", ElementType.Float32, 3).SequenceInput("s", ElementType.Float32, -1);
        _ = isConstant ? builder.Initializer("c", TensorBuffer.Create<bool>([condition])) : builder.Input("c", ElementType.Bool);
        builder.Node("If", "c", "p", ("then_branch", then), ("else_branch", otherwise)).Node("ConcatFromSequence", "p", "o", ("axis", 0)).Output("o").SequenceOutput("p");
        Inputs inputs = new() { ["x"] = TestTensors.Floats(1, 3), ["s"] = Sequence([2], [4], [1]) };
        Check(builder, isConstant ? inputs : new Inputs(inputs) { ["c"] = TensorBuffer.Create<bool>([condition]) });
    }

    [Test]
    public void KnownConditionGivesASequenceFromAroundTheBranch()
    {
        GraphProto branch = new ModelBuilder(16).SequenceOutput("s").Graph;
        ModelBuilder builder = new ModelBuilder(16).Input("x", ElementType.Float32, 3).Initializer("c", TensorBuffer.Create<bool>([true])).Node("SequenceConstruct", "x x", "s")
            .Node("If", "c", "p", ("then_branch", branch), ("else_branch", branch)).Node("SequenceLength", "p", "o").Output("o", ElementType.Int64);
        Assert.That(Run(builder, new Inputs { ["x"] = TestTensors.Floats(1, 3) })["o"].Span<long>()[0], Is.EqualTo(2));
    }

    [Test]
    public void ScanReadsASequenceAroundIt()
    {
        GraphProto body = new ModelBuilder(13).Input("state", ElementType.Float32, 2).Input("i", ElementType.Int64).Node("SequenceAt", "s i", "t").Node("Add", "state t", "next").Node("Identity", "next", "copy").Graph;
        body.Output.Add([ModelBuilder.Declare("next", ElementType.Float32, 2), ModelBuilder.Declare("copy", ElementType.Float32, 2)]);
        Check(
            new ModelBuilder(13).Input("x", ElementType.Float32, 2).Input("order", ElementType.Int64, -1).SequenceInput("s", ElementType.Float32, 2).Node("Scan", "x order", "last all", ("body", body), ("num_scan_inputs", 1L)).Output("last").Output("all"),
            new Inputs { ["x"] = TestTensors.Floats(1, 2), ["order"] = TensorBuffer.Create<long>([2, 0, 0], 3), ["s"] = Sequence([2], [2], [2]) });
    }

    [Test]
    public void MapOverSequences([Values(0, 1, 5)] int count, [Values] bool hasTensor)
    {
        ModelBuilder inside = new ModelBuilder(17).Input("a", ElementType.Float32, -1).Input("b", ElementType.Float32, -1).Node("Add", "a b", "sum").Node("Mul", "sum w", "product").Node("Shape", "a", "shape").Output("product").Output("shape", ElementType.Int64);
        ModelBuilder builder = new ModelBuilder(17).Initializer("w", TensorBuffer.Create<float>([2])).SequenceInput("s", ElementType.Float32, -1).SequenceOutput("o").SequenceOutput("shapes", ElementType.Int64);
        _ = hasTensor ? builder.Input("t", ElementType.Float32, 1) : builder.SequenceInput("t", ElementType.Float32, -1);
        builder.Node("SequenceMap", "s t", "o shapes", ("body", inside.Graph));
        long[][] shapes = [.. Enumerable.Range(1, count).Select(i => new long[] { i })];
        TensorSequence sequence = Sequence(shapes);
        Inputs inputs = new() { ["s"] = sequence, ["t"] = hasTensor ? TestTensors.Floats(7, 1) : Sequence(shapes) };

        // ONNX Runtime knows SequenceMap by the nodes that it is made of, and refuses values from around its body.
        RunResult result = Run(builder, inputs);
        Assert.That(result.Sequence("o"), Has.Count.EqualTo(count));
        Assert.That(result.Sequence("shapes").Select(shape => shape.Span<long>()[0]), Is.EqualTo(shapes.Select(shape => shape[0])));
        for (int i = 0; i < count; i++)
        {
            float[] a = sequence[i].Span<float>().ToArray();
            float[] b = (hasTensor ? (TensorBuffer)inputs["t"] : ((TensorSequence)inputs["t"])[i]).Span<float>().ToArray();
            Assert.That(result.Sequence("o")[i].Span<float>().ToArray(), Is.EqualTo(a.Select((value, k) => (value + b[hasTensor ? 0 : k]) * 2)));
        }

        Assert.That(result.Sequence("shapes").ElementType, Is.EqualTo(ElementType.Int64));
    }

    [Test]
    public void OptionalValues([Values] bool isGiven, [Values] bool isSequence)
    {
        // What has no content is made otherwise.
        ModelBuilder builder = new ModelBuilder(18).Other(true, "x", ElementType.Float32, isSequence, true, 3).Input("y", ElementType.Float32, 3);
        builder.Node("OptionalHasElement", "x", "h");
        GraphProto then = new ModelBuilder(18).Node("OptionalGetElement", "x", "g").Output("g").Graph;
        ModelBuilder otherwise = new(18);
        _ = isSequence ? otherwise.Node("SequenceConstruct", "y y", "z") : otherwise.Node("Neg", "y", "z");
        GraphProto other = otherwise.Output("z").Graph;
        if (isSequence)
        {
            then.Output[0].Type = new TypeProto { SequenceType = new() { ElemType = s_float } };
            other.Output[0].Type = then.Output[0].Type;
        }

        builder.Node("If", "h", "o", ("then_branch", then), ("else_branch", other)).Node("Optional", "o", "again").Node("Identity", "again", "copy").Node("OptionalGetElement", "copy", "p").Output("h", ElementType.Bool);
        _ = isSequence ? builder.SequenceOutput("p") : builder.Output("p");
        Inputs inputs = new() { ["y"] = TestTensors.Floats(1, 3) };
        OnnxValue given = isSequence ? Sequence([3]) : TestTensors.Floats(2, 3);
        RunResult result = Run(builder, isGiven ? new Inputs(inputs) { ["x"] = given } : inputs);
        Assert.That(result["h"].Span<bool>()[0], Is.EqualTo(isGiven));
        float[] numbers = [.. (isSequence ? result.Sequence("p") : (IEnumerable<TensorBuffer>)[result["p"]]).SelectMany(tensor => tensor.Span<float>().ToArray())];
        float[] y = TestTensors.Floats(1, 3).Span<float>().ToArray();
        float[] expected = isGiven ? [.. (isSequence ? (TensorSequence)given : (IEnumerable<TensorBuffer>)[(TensorBuffer)given]).SelectMany(tensor => tensor.Span<float>().ToArray())] :
            isSequence ? [.. y, .. y] : Array.ConvertAll(y, value => -value);
        Assert.That(numbers, Is.EqualTo(expected));
    }

    [Test]
    public void OptionalOutputWithoutContentIsMissing()
    {
        ModelBuilder builder = new ModelBuilder(16).Input("x", ElementType.Float32, 3).Node("Optional", "", "none", ("type", s_float)).Node("Optional", "x", "some").Node("Neg", "x", "y")
            .Other(false, "none", ElementType.Float32, false, true, 3).Other(false, "some", ElementType.Float32, false, true, 3).Output("y");
        RunResult result = Run(builder, new Inputs { ["x"] = TestTensors.Floats(1, 3) });
        Assert.That(result.Values.Keys, Is.EqualTo(new[] { "some", "y" }));
        Assert.That(() => result["none"], Throws.TypeOf<KeyNotFoundException>().With.Message.Contains("none").And.Message.Contains("without content"));
        Assert.That(result["some"].Span<float>().ToArray(), Is.EqualTo(TestTensors.Floats(1, 3).Span<float>().ToArray()));
    }

    [Test]
    public void LoopCarriesAnOptionalValueThatGetsContent([Values(0, 1, 3)] int count)
    {
        GraphProto then = new ModelBuilder(16).Node("OptionalGetElement", "before", "g").Node("SequenceInsert", "g x", "longer").SequenceOutput("longer").Graph;
        GraphProto other = new ModelBuilder(16).Node("SequenceConstruct", "x", "first").SequenceOutput("first").Graph;
        GraphProto body = LoopBody(16).Other(true, "before", ElementType.Float32, true, true, 3)
            .Node("OptionalHasElement", "before", "h").Node("If", "h", "after", ("then_branch", then), ("else_branch", other)).Node("Optional", "after", "carried").Node("Identity", "c", "c2")
            .Output("c2", ElementType.Bool).Other(false, "carried", ElementType.Float32, true, true, 3).Graph;
        ModelBuilder builder = new ModelBuilder(16).Input("n", ElementType.Int64).Initializer("yes", TensorBuffer.Create<bool>([true])).Input("x", ElementType.Float32, 3)
            .Node("Optional", "", "none", ("type", new TypeProto { SequenceType = new() { ElemType = s_float } })).Node("Loop", "n yes none", "o", ("body", body)).Other(false, "o", ElementType.Float32, true, true, 3);
        RunResult result = Run(builder, new Inputs { ["n"] = Scalar(count), ["x"] = TestTensors.Floats(1, 3) });
        Assert.That(result.Values.Keys, Is.EqualTo(count == 0 ? [] : new[] { "o" }));
        Assert.That(count == 0 ? 0 : result.Sequence("o").Count, Is.EqualTo(count));
    }

    [Test]
    public void WhatIsReturnedIsTheCallersAlone()
    {
        // The same tensor several times, and tensors that the caller gave.
        ModelBuilder builder = new ModelBuilder(13).Input("x", ElementType.Float32, 3).SequenceInput("s", ElementType.Float32, 3)
            .Node("Neg", "x", "y").Node("SequenceConstruct", "y y x", "o").SequenceOutput("o").Output("y").Node("Identity", "s", "s2").SequenceOutput("s2").Node("SequenceAt", "s zero", "t").Initializer("zero", Scalar(0)).Output("t");
        TensorSequence given = Sequence([3], [3]);
        TensorBuffer x = TestTensors.Floats(1, 3);
        RunResult result = Run(builder, new Inputs { ["x"] = x, ["s"] = given });
        TensorBuffer[] all = [x, .. given, .. result.Sequence("o"), result["y"], .. result.Sequence("s2"), result["t"]];
        float[][] before = Array.ConvertAll(all, tensor => tensor.Span<float>().ToArray());
        for (int i = 0; i < all.Length; i++)
        {
            all[i].Span<float>().Fill(i + 100);
        }

        Assert.That(all.Select(tensor => tensor.Span<float>()[0]), Is.EqualTo(Enumerable.Range(100, all.Length)));
        Assert.That(before[3], Is.EqualTo(before[0].Select(value => -value)));
        Assert.That(before[7], Is.EqualTo(before[1]));
    }

    [Test]
    public void SequencesAreSavedAndReadAgain()
    {
        ModelBuilder builder = new ModelBuilder(18).SequenceInput("s", ElementType.Float32, -1, 4).Other(true, "x", ElementType.Int32, true, true, 3).Node("OptionalHasElement", "x", "h").Node("Identity", "s", "o").SequenceOutput("o").Output("h", ElementType.Bool)
            .Node("Optional", "", "none", ("type", s_float)).Other(false, "none", ElementType.Float32, false, true);
        using TemporaryFolder folder = new();
        Model model = Model.Load(folder.Write("model.onnx", builder.ToBytes()));
        model.SaveOnnx(Path.Combine(folder.Path, "again.onnx"));
        Model again = Model.Load(Path.Combine(folder.Path, "again.onnx"));
        Assert.That(again.Inputs.Select(input => input.ToString()), Is.EqualTo(new[] { "s: seq(float[ds0,4])", "x: optional(seq(int32[3]))" }));
        Assert.That(again.Outputs.Select(output => output.ToString()), Is.EqualTo(new[] { "o: seq(float[…])", "h: bool[…]", "none: optional(float[])" }));
        Assert.That(() => model.SaveOnnxStream(Path.Combine(folder.Path, "text")), Throws.TypeOf<UnsupportedOperatorException>().With.Message.Contains("Optional"));
        using InferenceSession session = new(again);
        Assert.That(session.Run(new Inputs { ["s"] = Sequence([1, 4], [2, 4]) }).Sequence("o"), Has.Count.EqualTo(2));
        Assert.That(model.Summarize().FlopCount, Is.Null);
        Assert.That(model.FindIndexInputs(), Is.Empty);
    }

    [Test]
    public void WrongInputsAreRefused()
    {
        ModelBuilder builder = new ModelBuilder(13).SequenceInput("s", ElementType.Float32, -1, 4).Input("x", ElementType.Float32, -1).Node("SequenceLength", "s", "o").Node("Neg", "x", "y").Output("o", ElementType.Int64).Output("y");
        TensorBuffer x = TestTensors.Floats(1, 3);
        Refuses("'s' is missing", new Inputs { ["x"] = x });
        Refuses("'s' is a tensor float[3,4]", new Inputs { ["x"] = x, ["s"] = TestTensors.Floats(1, 3, 4) });
        Refuses("int32", new Inputs { ["x"] = x, ["s"] = new TensorSequence(ElementType.Int32) });
        Refuses("[3,5]", new Inputs { ["x"] = x, ["s"] = Sequence([3, 4], [3, 5]) });
        Refuses("'x' is a sequence of 1 tensors", new Inputs { ["x"] = Sequence([3]), ["s"] = Sequence([3, 4]) });
        Refuses("is null", new Inputs { ["x"] = x, ["s"] = null! });
        Refuses("no input 'z'", new Inputs { ["x"] = x, ["s"] = Sequence([3, 4]), ["z"] = Sequence([1]) });
        Assert.That(() => new TensorSequence(ElementType.Float32, x, TensorBuffer.Create<int>([1])), Throws.ArgumentException.With.Message.Contains("Tensor 1").And.Message.Contains("int32"));
        Assert.That(() => new TensorSequence(ElementType.Float32, [null!]), Throws.ArgumentException.With.Message.Contains("null"));

        void Refuses(string part, Inputs inputs) => Assert.That(() => Run(builder, inputs), Throws.TypeOf<InvalidInputException>().With.Message.Contains(part));
    }

    [TestCase("SequenceAt", "s three", "position 3", TestName = "ReadBehindTheEnd")]
    [TestCase("SequenceAt", "s minus", "position -3", TestName = "ReadBeforeTheStart")]
    [TestCase("SequenceErase", "s three", "position 3", TestName = "EraseBehindTheEnd")]
    [TestCase("SequenceErase", "none", "sequence of 0", TestName = "EraseOfAnEmptySequence")]
    [TestCase("SequenceAt", "none zero", "sequence of 0", TestName = "ReadOfAnEmptySequence")]
    [TestCase("SequenceInsert", "s x three", "position 3", TestName = "InsertBehindTheEnd")]
    [TestCase("ConcatFromSequence", "none", "empty", TestName = "ConcatOfNothing")]
    [TestCase("ConcatFromSequence", "s", "dimension 0 only", TestName = "ConcatOfOtherShapes")]
    [TestCase("SplitToSequence", "x zero", "cannot be 0 long", TestName = "SplitIntoNothing")]
    [TestCase("SplitToSequence", "x four", "do not split", TestName = "SplitIntoTooMuch")]
    [TestCase("OptionalGetElement", "nothing", "has no content", TestName = "ReadOfAnOptionalValueWithoutContent")]
    public void DataThatCannotBeFollowed(string operatorType, string inputs, string part)
    {
        ModelBuilder builder = Wrong();
        _ = operatorType == "ConcatFromSequence" ? builder.Node(operatorType, inputs, "o", ("axis", 0)) : builder.Node(operatorType, inputs, "o");
        Assert.That(() => Run(builder.Output("o"), new Inputs { ["x"] = TestTensors.Floats(1, 3) }), Throws.TypeOf<InvalidInputException>().With.Message.Contains(operatorType).And.Message.Contains(part));
    }

    [TestCase("SequenceAt", "x zero", "expected a sequence", TestName = "ReadOfATensor")]
    [TestCase("SequenceAt", "s", "the position", TestName = "ReadWithoutAPosition")]
    [TestCase("SequenceAt", "s x", "expected int32 or int64", TestName = "PositionOfAnotherType")]
    [TestCase("SequenceAt", "s four", "expected one", TestName = "SeveralPositions")]
    [TestCase("SequenceInsert", "s zero", "expected elements of float", TestName = "InsertOfOtherElements")]
    [TestCase("SequenceInsert", "s s", "expected a tensor", TestName = "InsertOfASequence")]
    [TestCase("SequenceConstruct", "x zero", "expected elements of float", TestName = "ConstructOfTwoTypes")]
    [TestCase("SequenceConstruct", "", "no inputs", TestName = "ConstructOfNothing")]
    [TestCase("ConcatFromSequence", "s", "'axis' is missing", TestName = "ConcatWithoutAnAxis")]
    [TestCase("SplitToSequence", "s", "expected a tensor", TestName = "SplitOfASequence")]
    [TestCase("Neg", "s", "expected a tensor", TestName = "ComputingWithASequence")]
    [TestCase("Neg", "nothing", "expected a tensor", TestName = "ComputingWithNothing")]
    [TestCase("Optional", "", "neither an input nor", TestName = "OptionalOfNoType")]
    public void GraphsThatMeanNothing(string operatorType, string inputs, string part) =>
        Assert.That(() => Run(Wrong().Node(operatorType, inputs, "o").Output("o"), new Inputs { ["x"] = TestTensors.Floats(1, 3) }), Throws.TypeOf<InvalidGraphException>().With.Message.Contains(operatorType).And.Message.Contains(part));

    [Test]
    public void SequencesOfSequencesAreRefused()
    {
        ModelBuilder builder = new ModelBuilder(13).SequenceInput("s").Node("Identity", "s", "o").SequenceOutput("o");
        builder.Graph.Input[0].Type = new TypeProto { SequenceType = new() { ElemType = builder.Graph.Input[0].Type } };
        Assert.That(() => Run(builder, []), Throws.TypeOf<ModelFormatException>().With.Message.Contains("'s'"));
    }

    [Test]
    public void BindingASequenceIsRefused()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", new ModelBuilder(13).SequenceInput("s").Node("Identity", "s", "o").SequenceOutput("o").ToBytes());
        Assert.That(() => new InferenceSession(path, new SessionOptions { StateBindings = [new StateBinding("o", "s")] }), Throws.ArgumentException.With.Message.Contains("seq(float"));
    }

    [Test]
    public void LoopWithoutEndStops()
    {
        GraphProto body = LoopBody().Other(true, "s", ElementType.Float32, true, false, 0).Node("SequenceInsert", "s x", "s2").Node("Identity", "c", "c2").Output("c2", ElementType.Bool).SequenceOutput("s2").Graph;
        ModelBuilder builder = new ModelBuilder(13).Input("x", ElementType.Float32, 0).Initializer("yes", TensorBuffer.Create<bool>([true])).Node("SequenceEmpty", "", "e").Node("Loop", "- yes e", "o", ("body", body)).SequenceOutput("o");
        using CancellationTokenSource source = new();
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", builder.ToBytes()));
        source.CancelAfter(100);
        Assert.That(() => session.Run(new Inputs { ["x"] = new TensorBuffer(ElementType.Float32, new Shape(0)) }, null, source.Token), Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public void TooManyTensorsAreRefused() =>
        Assert.That(
            () => Run(new ModelBuilder(13).Input("x", ElementType.Float32, -1, 0).Node("SplitToSequence", "x", "s").Node("SequenceLength", "s", "o").Output("o", ElementType.Int64), new Inputs { ["x"] = new TensorBuffer(ElementType.Float32, new Shape(1L << 40, 0)) }),
            Throws.TypeOf<InvalidInputException>().With.Message.Contains("SplitToSequence").And.Message.Contains("at most"));

    [Test]
    public void RandomProgramsDoWhatListsDo([Range(0, 59)] int seed)
    {
        // Every operator with positions of all kinds, constant or given, some of them wrong: a list of arrays says what comes out.
        Random random = new(seed);
        ModelBuilder builder = new(13);
        Inputs inputs = [];
        List<(string Name, List<int[]> Tensors)> sequences = [];
        List<(string Name, int[] Numbers)> tensors = [];
        bool isWrong = false;
        for (int i = 0; i < 3; i++)
        {
            int[] numbers = [.. Enumerable.Range(0, random.Next(1, 5)).Select(_ => random.Next(100))];
            builder.Input($"x{i}", ElementType.Int32, -1);
            inputs.Add($"x{i}", TensorBuffer.Create(numbers, numbers.Length));
            tensors.Add(($"x{i}", numbers));
        }

        builder.Node("SequenceEmpty", "", "empty", ("dtype", (long)ElementType.Int32));
        sequences.Add(("empty", []));
        for (int i = 0; i < 14 && !isWrong; i++)
        {
            (string from, List<int[]> source) = sequences[random.Next(sequences.Count)];
            (string tensor, int[] numbers) = tensors[random.Next(tensors.Count)];
            List<int[]> result = [.. source];
            switch (random.Next(7))
            {
                case 0 or 1 or 2:
                    string place = Position(i, source.Count, source.Count, out int at);
                    isWrong = at < 0;
                    builder.Node("SequenceInsert", $"{from} {tensor} {place}", $"s{i}");
                    result.Insert(isWrong ? 0 : at, numbers);
                    break;
                case 3:
                    string erased = Position(i, source.Count, source.Count - 1, out int gone);
                    isWrong = gone < 0;
                    builder.Node("SequenceErase", $"{from} {erased}", $"s{i}");
                    result = isWrong ? result : [.. source.Where((_, k) => k != gone)];
                    break;
                case 4:
                    string read = Position(i, source.Count, source.Count - 1, out int found);
                    isWrong = found < 0;
                    builder.Node("SequenceAt", $"{from} {read}", $"t{i}").Node("Neg", $"t{i}", $"n{i}").Node("SequenceConstruct", $"n{i} t{i}", $"s{i}");
                    result = isWrong ? [] : [Array.ConvertAll(source[found], number => -number), source[found]];
                    break;
                case 5:
                    builder.Node("SplitToSequence", tensor, $"s{i}");
                    result = [.. numbers.Select(number => new[] { number })];
                    break;
                default:
                    isWrong = source.Count == 0;
                    builder.Node("ConcatFromSequence", from, $"t{i}", ("axis", 0L)).Node("SequenceConstruct", $"t{i}", $"s{i}");
                    result = [[.. source.SelectMany(part => part)]];
                    tensors.Add(($"t{i}", result[0]));
                    break;
            }

            sequences.Add(($"s{i}", result));
        }

        sequences.ForEach(sequence => builder.SequenceOutput(sequence.Name, ElementType.Int32));
        if (isWrong)
        {
            Assert.That(() => Run(builder, inputs), Throws.TypeOf<InvalidInputException>().With.Message.Contains("Sequence"));
            return;
        }

        RunResult made = Run(builder, inputs);
        foreach ((string name, List<int[]> expected) in sequences)
        {
            Assert.That(made.Sequence(name).Select(tensor => tensor.Span<int>().ToArray()), Is.EqualTo(expected), name);
        }

        // One of the places up to the last one, from either end; one time in twenty one beside them.
        string Position(int step, int count, int last, out int place)
        {
            place = last < 0 || random.Next(20) == 0 ? -1 : random.Next(last + 1);
            long position = place < 0 ? (random.Next(2) == 0 ? count + 3 : -count - 3) : place < count && random.Next(2) == 0 ? place - count : place;
            string name = $"p{step}";
            if (random.Next(2) == 0)
            {
                builder.Initializer(name, Scalar(position));
            }
            else
            {
                builder.Input(name, ElementType.Int64);
                inputs.Add(name, Scalar(position));
            }

            return name;
        }
    }

    [Test]
    public void TheSmallestBudgetOfSequencesWorks([Values(1, 2)] int threads, [Values] bool isGiven)
    {
        // Split, map, insert, erase, read and put together: everything is known when planning where the sequence is not given.
        GraphProto body = new ModelBuilder(17).Input("a", ElementType.Float32, -1, -1).Node("Exp", "a", "e").Node("Sin", "e", "b").Output("b").Graph;
        ModelBuilder builder = new ModelBuilder(17).Input("x", ElementType.Float32, 400, 300).Initializer("n", Scalar(100)).Initializer("two", Scalar(2)).Node("Tanh", "x", "t");
        _ = isGiven ? builder.SequenceInput("s", ElementType.Float32, -1, 300) : builder.Node("SplitToSequence", "t n", "s");
        builder.Node("SequenceMap", "s", "m", ("body", body)).Node("SequenceAt", "m two", "third").Node("Cos", "third", "c").Node("SequenceInsert", "m c two", "longer").Node("SequenceErase", "longer", "shorter")
            .Node("ConcatFromSequence", "shorter", "whole", ("axis", 0L)).Node("Add", "whole t", "o").Output("o");
        Inputs inputs = new() { ["x"] = TestTensors.Floats(1, 400, 300) };
        if (isGiven)
        {
            inputs["s"] = Sequence([100, 300], [100, 300], [100, 300], [50, 300]);
        }

        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", builder.ToBytes());
        SessionOptions options = new() { ThreadCount = threads };
        using InferenceSession free = new(path, options);
        RunResult expected = free.Run(inputs);
        PlanSummary plan = free.Plan();
        long smallest = plan.SmallestBudgetBytes;
        if (isGiven)
        {
            // What a run is given, a plan does not know; a run refuses what does not fit, and names what would.
            Assert.That(plan.Parts.Select(part => part.Unknown ?? ""), Has.Some.Contains("'s' is a sequence"));
            Assert.That(plan.Steps.Select(step => step.OperatorType), Is.EqualTo(new[] { "Tanh" }), "what stands before is planned");
            using InferenceSession tiny = new(path, options with { MemoryBudget = smallest });
            smallest = Assert.Throws<MemoryBudgetException>(() => tiny.Run(inputs))!.SmallestBudgetBytes;
        }
        else
        {
            Assert.That(plan.Parts.Select(part => part.Unknown ?? part.Bound), Is.All.Null);
            Assert.That(expected.Statistics.PeakNativeBytes, Is.LessThanOrEqualTo(plan.PeakBytes));
        }

        // A sequence of 480,000 bytes and its copy are there at one time.
        Assert.That(smallest, Is.GreaterThan(900_000));
        using InferenceSession enough = new(path, options with { MemoryBudget = smallest });
        for (int run = 0; run < 2; run++)
        {
            RunResult actual = enough.Run(inputs);
            Assert.That(actual["o"].Bytes.SequenceEqual(expected["o"].Bytes), Is.True);
            Assert.That(actual.Statistics.PeakNativeBytes, Is.LessThanOrEqualTo(smallest));
        }

        if (!isGiven)
        {
            Assert.That(() => new InferenceSession(path, options with { MemoryBudget = smallest - 1 }), Throws.TypeOf<MemoryBudgetException>());
        }
    }

    [Test]
    public void AGrowingSequenceStaysInsideOfTheBudget()
    {
        // How long it becomes is data: the run that does not fit any more ends with an exception, and the session goes on.
        GraphProto body = LoopBody().Other(true, "s", ElementType.Float32, true, false, 1000).Node("Exp", "x", "e").Node("SequenceInsert", "s e", "s2").Node("Identity", "c", "c2").Output("c2", ElementType.Bool).SequenceOutput("s2").Graph;
        ModelBuilder builder = new ModelBuilder(13).Input("n", ElementType.Int64).Input("x", ElementType.Float32, 1000).Initializer("yes", TensorBuffer.Create<bool>([true])).Node("SequenceEmpty", "", "e0").Node("Loop", "n yes e0", "s", ("body", body)).Node("SequenceLength", "s", "o").Output("o", ElementType.Int64);
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", builder.ToBytes()), new SessionOptions { ThreadCount = 1, MemoryBudget = 400_000 });
        Assert.That(session.Plan().Parts.Select(part => part.Unknown ?? ""), Has.Some.Contains("changes"));
        TensorBuffer x = TestTensors.Floats(1, 1000);
        Assert.That(session.Run(new Inputs { ["n"] = Scalar(20), ["x"] = x })["o"].Span<long>()[0], Is.EqualTo(20));
        Assert.That(session.Run(new Inputs { ["n"] = Scalar(40), ["x"] = x }).Statistics.PlansMade, Is.Zero, "a plan does not depend on the length of a sequence");
        Assert.That(() => session.Run(new Inputs { ["n"] = Scalar(1000), ["x"] = x }), Throws.TypeOf<MemoryBudgetException>());
        RunResult again = session.Run(new Inputs { ["n"] = Scalar(20), ["x"] = x });
        Assert.That(again["o"].Span<long>()[0], Is.EqualTo(20));
        Assert.That(again.Statistics.PeakNativeBytes, Is.LessThanOrEqualTo(400_000));
    }

    // What a node can be given that is wrong.
    private static ModelBuilder Wrong() =>
        new ModelBuilder(18).Input("x", ElementType.Float32, 3).Initializer("zero", Scalar(0)).Initializer("three", Scalar(3)).Initializer("minus", Scalar(-3)).Initializer("four", TensorBuffer.Create<long>([2, 2], 2))
            .Initializer("w", TestTensors.Floats(1, 2, 3)).Node("SequenceConstruct", "x w", "s").Node("SequenceEmpty", "", "none").Node("Optional", "", "nothing", ("type", s_float));

    private static TensorBuffer Scalar(long number) => TensorBuffer.Create<long>([number]);

    private static TensorSequence Sequence(params long[][] shapes) => new(ElementType.Float32, shapes.Select((shape, i) => TestTensors.Floats(i + 1, shape)));

    private static ModelBuilder LoopBody(int operatorSet = 13) => new ModelBuilder(operatorSet).Input("i", ElementType.Int64).Input("c", ElementType.Bool);

    private static RunResult Run(ModelBuilder builder, Inputs inputs)
    {
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", builder.ToBytes()), new SessionOptions { ThreadCount = 2 });
        return session.Run(inputs);
    }

    private static void Check(ModelBuilder builder, params Inputs[] runs)
    {
        byte[] model = builder.ToBytes();
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model), new SessionOptions { ThreadCount = 2 });
        for (int i = 0; i < 2 * runs.Length; i++)
        {
            Inputs inputs = runs[i % runs.Length];
            RunResult result = session.Run(inputs);
            Dictionary<string, OnnxValue> expected = Oracle.RunValues(model, inputs);
            Assert.That(result.Values.Keys, Is.EqualTo(expected.Keys));
            foreach ((string name, OnnxValue value) in expected)
            {
                if (value is TensorBuffer tensor)
                {
                    TestTensors.AssertClose(result[name], tensor, 1e-5, $"run {i}, {name}");
                    continue;
                }

                TensorSequence sequence = (TensorSequence)value;
                Assert.That(result.Sequence(name), Has.Count.EqualTo(sequence.Count), $"run {i}, {name}");
                for (int k = 0; k < sequence.Count; k++)
                {
                    TestTensors.AssertClose(result.Sequence(name)[k], sequence[k], 1e-5, $"run {i}, {name}[{k}]");
                }
            }
        }
    }
}
