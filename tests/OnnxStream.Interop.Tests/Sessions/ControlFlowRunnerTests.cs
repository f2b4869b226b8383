using OnnxStream.Interop.Onnx;

using Inputs = System.Collections.Generic.Dictionary<string, OnnxStream.Interop.TensorBuffer>;

namespace OnnxStream.Interop.Tests.Sessions;

/// <summary>If, Loop and Scan compared with ONNX Runtime: nested, with captured values, with shapes that change, and wrong ones.</summary>
[NativeMemoryLeakCheck]
public class ControlFlowRunnerTests
{
    [Test]
    public void BranchesOfDifferentShapes([Values(13, 17)] int operatorSet) =>
        Check(
            new ModelBuilder(operatorSet).Input("c", ElementType.Bool).Input("x", ElementType.Float32, 2, 3)
                .Node("Exp", "x", "e")
                .Node("If", "c", "p q", ("then_branch", Then()), ("else_branch", Else()))
                .Node("Sqrt", "p", "o").Output("o").Output("q"),
            new Inputs { ["c"] = True, ["x"] = TestTensors.Floats(1, 2, 3) },
            new Inputs { ["c"] = False, ["x"] = TestTensors.Floats(2, 2, 3) },
            new Inputs { ["c"] = True, ["x"] = TestTensors.Floats(3, 2, 3) });

    [Test]
    public void ConditionIsKnownWhenPlanning([Values] bool condition)
    {
        // The branch becomes a part of the plan: nothing is cut.
        ModelBuilder builder = new ModelBuilder(17).Initializer("c", TensorBuffer.Create<bool>([condition])).Input("x", ElementType.Float32, 2, 3)
            .Node("Exp", "x", "e").Node("If", "c", "p q", ("then_branch", Then()), ("else_branch", Else())).Node("Sqrt", "p", "o").Output("o").Output("q");
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", builder.ToBytes()), new SessionOptions { RewriteGraph = false });
        Assert.That(session.Plan().Steps.Select(step => step.OperatorType), Is.EqualTo(condition ? ["Exp", "Mul", "Sqrt"] : new[] { "Exp", "Concat", "Neg", "Sqrt" }));
        Check(builder, new Inputs { ["x"] = TestTensors.Floats(1, 2, 3) });
    }

    [Test]
    public void KnownConditionWithShapesThatAreNot([Values] bool isNested)
    {
        // A cut inside of a branch: the branch runs on its own.
        GraphProto then = Body().Node("NonZero", "e", "n").Node("Shape", "n", "s").Node("ConstantOfShape", "s", "z").Output("z").Graph;
        GraphProto other = Body().Node("Identity", "e", "i").Output("i").Graph;
        GraphProto around = Body().Node("If", "c", "r", ("then_branch", then), ("else_branch", other)).Node("Exp", "r", "re").Output("re").Graph;
        ModelBuilder builder = new ModelBuilder(17).Initializer("c", True).Input("x", ElementType.Float32, 2, 3).Node("Relu", "x", "e");
        _ = isNested ? builder.Node("If", "c", "p", ("then_branch", around), ("else_branch", other)) : builder.Node("If", "c", "p", ("then_branch", then), ("else_branch", other));
        Check(builder.Node("Exp", "p", "o").Output("o"), new Inputs { ["x"] = TestTensors.Floats(1, 2, 3) });
    }

    [Test]
    public void BranchesGiveWhatLiesAroundThem() =>
        // An input, a constant of the model, a constant of the branch.
        Check(
            new ModelBuilder(17).Input("c", ElementType.Bool).Input("x", ElementType.Float32, 2, 3).Initializer("w", TestTensors.Floats(5, 20, 30))
                .Node("If", "c", "p q", ("then_branch", Body().Node("Identity", "x", "xi").Node("Identity", "w", "wi").Output("xi").Output("wi").Graph), ("else_branch", Body().Initializer("own", TestTensors.Floats(6, 4, 300)).Node("Identity", "w", "wi").Output("own").Output("wi").Graph))
                .Node("Neg", "p", "o").Output("o").Output("q"),
            new Inputs { ["c"] = True, ["x"] = TestTensors.Floats(1, 2, 3) },
            new Inputs { ["c"] = False, ["x"] = TestTensors.Floats(2, 2, 3) });

    [Test]
    public void WeightsInBranches() =>
        Check(
            new ModelBuilder(17).Input("c", ElementType.Bool).Input("x", ElementType.Float32, 2, 30).Initializer("outer", TestTensors.Floats(7, 30, 40))
                .Node("If", "c", "p", ("then_branch", Body().Initializer("inner", TestTensors.Floats(8, 30, 40)).Node("MatMul", "x inner", "m").Output("m").Graph), ("else_branch", Body().Node("MatMul", "x outer", "m2").Output("m2").Graph))
                .Node("MatMul", "x outer", "y").Node("Add", "y p", "o").Output("o"),
            new Inputs { ["c"] = True, ["x"] = TestTensors.Floats(1, 2, 30) },
            new Inputs { ["c"] = False, ["x"] = TestTensors.Floats(2, 2, 30) });

    [Test]
    public void WithoutATripCollectedOutputsHaveTheShapeThatOneWouldMake([Values(0, 1, 3)] int count, [Values] bool isScan)
    {
        // The body declares no shapes; what follows needs them.
        ModelBuilder body = isScan ? Body().Input("s", ElementType.Float32, -1, -1).Input("r", ElementType.Float32, -1) : LoopBody().Input("s", ElementType.Float32, -1, -1);
        body.Node("Mul", "s s", "square").Node("Identity", "s", "s2").Node("ReduceSum", "square", "sum", ("keepdims", 0L));
        _ = isScan ? body : body.Node("Identity", "c", "c2").Output("c2", ElementType.Bool);
        body.Output("s2").Output("square").Output("sum");
        ModelBuilder builder = new ModelBuilder(17).Input("x", ElementType.Float32, 2, 3).Initializer("w", TestTensors.Floats(1, 3, 4));
        _ = isScan
            ? builder.Input("rows", ElementType.Float32, -1, 5).Node("Scan", "x rows", "last squares sums", ("body", body.Graph), ("num_scan_inputs", 1L))
            : builder.Input("m", ElementType.Int64).Node("Loop", "m - x", "last squares sums", ("body", body.Graph));
        builder.Node("MatMul", "squares w", "y").Node("Shape", "y", "shape").Node("Shape", "sums", "length").Output("shape", ElementType.Int64).Output("length", ElementType.Int64).Output("last");
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", builder.ToBytes()), new SessionOptions { ThreadCount = 1 });
        Inputs inputs = new() { ["x"] = TestTensors.Floats(2, 2, 3) };
        _ = isScan ? inputs["rows"] = new TensorBuffer(ElementType.Float32, new Shape(count, 5)) : inputs["m"] = TensorBuffer.Create<long>([count]);
        RunResult result = session.Run(inputs);
        Assert.That(result["shape"].Span<long>().ToArray(), Is.EqualTo(new long[] { count, 2, 4 }));
        Assert.That(result["length"].Span<long>().ToArray(), Is.EqualTo(new long[] { count }));
        Assert.That(result["last"].Bytes.SequenceEqual(inputs["x"].Bytes), Is.True);
    }

    [Test]
    public void LoopCounts([Values(0, 1, 7)] int count, [Values] bool isConstant)
    {
        // state = state * 1.5 + i; every state and its square are collected.
        ModelBuilder builder = new ModelBuilder(17).Input("x", ElementType.Float32, 2, 3).Initializer("factor", TensorBuffer.Create<float>([1.5f]));
        GraphProto body = LoopBody().Input("s", ElementType.Float32, 2, 3)
            .Node("Cast", "i", "f", ("to", 1)).Node("Mul", "s factor", "sm").Node("Add", "sm f", "next").Node("Mul", "next next", "square").Node("Identity", "next", "copy")
            .Output("again", ElementType.Bool).Output("next").Graph;
        body.Output.Add([ModelBuilder.Declare("copy", ElementType.Float32, 2, 3), ModelBuilder.Declare("square", ElementType.Float32, 2, 3)]);
        body.Node.Add(Identity("c", "again"));
        _ = isConstant ? builder.Initializer("n", TensorBuffer.Create<long>([count])) : builder.Input("n", ElementType.Int64);
        builder.Node("Loop", "n - x", "last all squares", ("body", body)).Node("Neg", "last", "o").Output("o").Output("all").Output("squares");
        Inputs inputs = new() { ["x"] = TestTensors.Floats(1, 2, 3) };
        if (!isConstant)
        {
            inputs["n"] = TensorBuffer.Create<long>([count]);
        }

        Check(builder, inputs);
    }

    [Test]
    public void LoopWhileSmallerThan([Values(0.5f, 20, 1e6f)] float limit) =>
        // Doubles until the sum of all elements reaches a limit; the number of iterations is not known beforehand.
        Check(
            new ModelBuilder(17).Input("x", ElementType.Float32, 2, 3).Input("limit", ElementType.Float32).Initializer("yes", True)
                .Node("Loop", "- yes x", "o steps", ("body", Declared(
                    LoopBody().Input("s", ElementType.Float32, 2, 3).Node("Add", "s s", "t").Node("ReduceSum", "t", "sum", ("keepdims", 0)).Node("Less", "sum limit", "again").Output("again", ElementType.Bool).Output("t").Graph,
                    ModelBuilder.Declare("sum", ElementType.Float32)))).Output("o").Output("steps"),
            new Inputs { ["x"] = TestTensors.Random(ElementType.Float32, 1, 0, 1, 2, 3), ["limit"] = TensorBuffer.Create<float>([limit]) });

    [Test]
    public void LoopWhoseStateGrows() =>
        // Each iteration appends a row, and counts what is positive so far.
        Check(
            new ModelBuilder(17).Input("x", ElementType.Float32, -1, 3).Input("row", ElementType.Float32, 1, 3).Initializer("n", TensorBuffer.Create<long>([9]))
                .Node("Loop", "n - x", "o counts", ("body", Declared(
                    LoopBody().Input("s", ElementType.Float32, -1, 3).Node("Neg", "row", "nr").Node("Concat", "s nr", "t", ("axis", 0)).Node("Cast", "t", "m", ("to", 9)).Node("NonZero", "m", "z").Node("Size", "z", "count")
                        .Node("Identity", "c", "again").Output("again", ElementType.Bool).Output("t").Graph,
                    ModelBuilder.Declare("count", ElementType.Int64)))).Node("Exp", "o", "e").Output("e").Output("counts", ElementType.Int64),
            new Inputs { ["x"] = TestTensors.Floats(1, 2, 3), ["row"] = TestTensors.Floats(2, 1, 3) },
            new Inputs { ["x"] = TestTensors.Floats(1, 0, 3), ["row"] = TestTensors.Floats(2, 1, 3) });

    [Test]
    public void LoopOfLoopsOfBranches() =>
        // The innermost graph reads values of all graphs around it.
        Check(
            new ModelBuilder(17).Input("x", ElementType.Float32, 3).Initializer("n", TensorBuffer.Create<long>([3])).Initializer("two", TensorBuffer.Create<long>([2]))
                .Node("Loop", "n - x", "o all", ("body", Declared(
                    LoopBody("1").Input("s1", ElementType.Float32, 3).Node("Identity", "c1", "again1").Node("Exp", "s1", "e1")
                        .Node("Loop", "i1 - s1", "t1", ("body", Declared(
                            LoopBody("2").Input("s2", ElementType.Float32, 3).Node("Identity", "c2", "again2").Node("Mod", "i2 two", "odd").Node("Cast", "odd", "isOdd", ("to", 9))
                                .Node("If", "isOdd", "t2", ("then_branch", Body().Node("Sub", "s2 e1", "d").Output("d").Graph), ("else_branch", Body().Node("Add", "s2 x", "a").Output("a").Graph))
                                .Output("again2", ElementType.Bool).Output("t2").Graph)))
                        .Output("again1", ElementType.Bool).Output("t1").Graph,
                    ModelBuilder.Declare("e1", ElementType.Float32, 3)))).Output("o").Output("all"),
            new Inputs { ["x"] = TestTensors.Floats(1, 3) });

    [Test]
    public void IterationSlicesCapturedValue() =>
        // The start of a slice must be known when planning: each iteration is planned for itself.
        Check(
            new ModelBuilder(17).Input("x", ElementType.Float32, 8, 3).Initializer("n", TensorBuffer.Create<long>([8])).Initializer("zero", TestTensors.Integers(0)).Initializer("one", TestTensors.Integers(1)).Initializer("sum", TestTensors.Floats(3, 1, 3))
                .Node("Loop", "n - sum", "o rows", ("body", Declared(
                    LoopBody().Input("s", ElementType.Float32, 1, 3).Node("Identity", "c", "again").Node("Unsqueeze", "i zero", "start").Node("Add", "start one", "end").Node("Slice", "x start end zero", "row").Node("Add", "s row", "t")
                        .Output("again", ElementType.Bool).Output("t").Graph,
                    ModelBuilder.Declare("row", ElementType.Float32, 1, 3)))).Output("o").Output("rows"),
            new Inputs { ["x"] = TestTensors.Floats(1, 8, 3) });

    [Test]
    [CancelAfter(10_000)]
    public void ManyIterationsAreNotUnrolled()
    {
        ModelBuilder builder = new ModelBuilder(17).Input("x", ElementType.Int64).Initializer("n", TensorBuffer.Create<long>([20_000]))
            .Node("Loop", "n - x", "o", ("body", LoopBody().Input("s", ElementType.Int64).Node("Identity", "c", "again").Node("Add", "s i", "t").Output("again", ElementType.Bool).Output("t", ElementType.Int64).Graph)).Output("o", ElementType.Int64);
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", builder.ToBytes()));
        Assert.That(session.Run(new Inputs { ["x"] = TensorBuffer.Create<long>([5]) })["o"].Span<long>()[0], Is.EqualTo(5 + 19_999L * 20_000 / 2));
    }

    [Test]
    public void EndlessLoopCanBeCancelled()
    {
        ModelBuilder builder = new ModelBuilder(17).Input("x", ElementType.Float32, 3)
            .Node("Loop", "- - x", "o", ("body", LoopBody().Input("s", ElementType.Float32, 3).Node("Identity", "c", "again").Node("Neg", "s", "t").Output("again", ElementType.Bool).Output("t").Graph)).Output("o");
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", builder.ToBytes()));
        using CancellationTokenSource source = new(TimeSpan.FromMilliseconds(100));
        Assert.That(() => session.Run(new Inputs { ["x"] = TestTensors.Floats(1, 3) }, null, source.Token), Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public void ScanForwardsAndBackwards([Values(0, 1)] int inputDirection, [Values(0, 1)] int outputDirection, [Values(0, -1)] int outputAxis) =>
        Check(
            new ModelBuilder(17).Input("s0", ElementType.Float32, 3).Input("x", ElementType.Float32, 5, 3).Input("y", ElementType.Float32, 3, 5).Input("k", ElementType.Float32)
                .Node("Scan", "s0 x y", "s all", ("body", Declared(
                    Body().Input("s", ElementType.Float32, 3).Input("xi", ElementType.Float32, 3).Input("yi", ElementType.Float32, 3).Node("Mul", "s k", "sk").Node("Add", "sk xi", "a").Node("Sub", "a yi", "next").Node("Exp", "next", "e").Output("next").Graph,
                    ModelBuilder.Declare("e", ElementType.Float32, 3))),
                    ("num_scan_inputs", 2), ("scan_input_axes", new[] { 0, -1 }), ("scan_input_directions", new[] { inputDirection, 0 }), ("scan_output_axes", new[] { outputAxis }), ("scan_output_directions", new[] { outputDirection }))
                .Node("Neg", "s", "o").Output("o").Output("all"),
            new Inputs { ["s0"] = TestTensors.Floats(1, 3), ["x"] = TestTensors.Floats(2, 5, 3), ["y"] = TestTensors.Floats(3, 3, 5), ["k"] = TensorBuffer.Create<float>([0.5f]) });

    [Test]
    public void ScanOfBatches([Values] bool hasLengths) =>
        Check(
            new ModelBuilder(8).Input("l", ElementType.Int64, 2).Input("s0", ElementType.Float32, 2, 3).Input("x", ElementType.Float32, 2, 5, 3)
                .Node("Scan", $"{(hasLengths ? "l" : "-")} s0 x", "s all", ("body", Declared(
                    Body().Input("s", ElementType.Float32, 3).Input("xi", ElementType.Float32, 3).Node("Add", "s xi", "next").Node("Identity", "next", "e").Output("next").Graph, ModelBuilder.Declare("e", ElementType.Float32, 3))), ("num_scan_inputs", 1))
                .Node("Identity", "l", "lo").Output("s").Output("all").Output("lo", ElementType.Int64),
            new Inputs { ["l"] = TestTensors.Integers(2, 5), ["s0"] = TestTensors.Floats(1, 2, 3), ["x"] = TestTensors.Floats(2, 2, 5, 3) });

    [Test]
    public void ScanOfBatchesWithLengthsOfAnotherType() =>
        Fails<InvalidGraphException>(
            new ModelBuilder(8).Input("l", ElementType.Int32, 2).Input("s0", ElementType.Float32, 2, 3).Input("x", ElementType.Float32, 2, 5, 3)
                .Node("Scan", "l s0 x", "s", ("body", Body().Input("s", ElementType.Float32, 3).Input("xi", ElementType.Float32, 3).Node("Add", "s xi", "next").Output("next").Graph), ("num_scan_inputs", 1)).Output("s"),
            new Inputs { ["l"] = TensorBuffer.Create<int>([2, 5], 2), ["s0"] = TestTensors.Floats(1, 2, 3), ["x"] = TestTensors.Floats(2, 2, 5, 3) },
            "int64");

    [Test]
    public void AdditionalOutputOfLoop()
    {
        ModelBuilder builder = new ModelBuilder(17).Input("x", ElementType.Float32, 3).Initializer("n", TensorBuffer.Create<long>([3]))
            .Node("Loop", "n - x", "t", ("body", LoopBody().Input("s", ElementType.Float32, 3).Node("Identity", "c", "again").Node("Neg", "s", "u").Output("again", ElementType.Bool).Output("u").Graph)).Node("Neg", "t", "o").Output("o");
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", builder.ToBytes()), new SessionOptions { AdditionalOutputs = ["t"] });
        TensorBuffer x = TestTensors.Floats(1, 3);
        RunResult result = session.Run(new Inputs { ["x"] = x });
        Assert.That(result["o"].Span<float>().ToArray(), Is.EqualTo(x.Span<float>().ToArray()));
        Assert.That(result["t"].Span<float>().ToArray(), Is.EqualTo(Array.ConvertAll(x.Span<float>().ToArray(), value => -value)));
    }

    [Test]
    public void BudgetThatHoldsOneGraphAtATime()
    {
        // The plans of both branches and of the graph around them take turns.
        ModelBuilder builder = new ModelBuilder(17).Input("x", ElementType.Float32, 100, 100).Initializer("n", TensorBuffer.Create<long>([4])).Initializer("two", TensorBuffer.Create<long>([2]))
            .Node("Loop", "n - x", "o", ("body", LoopBody().Input("s", ElementType.Float32, 100, 100).Node("Identity", "c", "again").Node("Mod", "i two", "odd").Node("Cast", "odd", "isOdd", ("to", 9))
                .Node("If", "isOdd", "t", ("then_branch", Body().Node("Exp", "s", "e").Node("Neg", "e", "d").Output("d").Graph), ("else_branch", Body().Node("MatMul", "s s", "a").Output("a").Graph))
                .Output("again", ElementType.Bool).Output("t").Graph)).Output("o");
        byte[] model = builder.ToBytes();
        Inputs inputs = new() { ["x"] = TestTensors.Random(ElementType.Float32, 1, -0.1, 0.1, 100, 100) };
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", model);
        using InferenceSession session = new(path, new SessionOptions { MemoryBudget = 300_000 });
        RunResult result = session.Run(inputs);
        TestTensors.AssertClose(result["o"], Oracle.Run(model, inputs)["o"], 1e-5, "o");
        Assert.That(result.Statistics.PeakNativeBytes, Is.LessThanOrEqualTo(300_000));
        Assert.That(
            () =>
            {
                using InferenceSession small = new(path, new SessionOptions { MemoryBudget = 60_000 });
                small.Run(inputs);
            },
            Throws.TypeOf<MemoryBudgetException>());
    }

    [Test]
    public void WrittenAndReadAgain()
    {
        ModelBuilder builder = new ModelBuilder(17).Input("c", ElementType.Bool).Input("x", ElementType.Float32, 2, 30).Initializer("outer", TestTensors.Floats(7, 30, 40))
            .Node("If", "c", "o", ("then_branch", Body().Initializer("inner", TestTensors.Floats(8, 30, 40)).Node("MatMul", "x inner", "m").Output("m").Graph), ("else_branch", Body().Node("MatMul", "x outer", "m2").Output("m2").Graph)).Output("o");
        byte[] model = builder.ToBytes();
        using TemporaryFolder folder = new();
        Model read = Model.Load(folder.Write("model.onnx", model));
        Assert.That(read.Summarize().Operators.Single(count => count.OperatorType == "MatMul").Count, Is.EqualTo(2));
        string copy = Path.Combine(folder.Path, "copy.onnx");
        read.SaveOnnx(copy);
        Assert.That(() => read.SaveOnnxStream(Path.Combine(folder.Path, "text")), Throws.TypeOf<UnsupportedOperatorException>().With.Message.Contains("If"));
        using InferenceSession session = new(copy);
        foreach (bool condition in new[] { true, false })
        {
            Inputs inputs = new() { ["c"] = TensorBuffer.Create<bool>([condition]), ["x"] = TestTensors.Floats(1, 2, 30) };
            TestTensors.AssertClose(session.Run(inputs)["o"], Oracle.Run(model, inputs)["o"], 1e-5, $"{condition}");
        }
    }

    [Test]
    public void UnsupportedOperatorInBody() =>
        Fails<UnsupportedOperatorException>(new ModelBuilder(17).Input("c", ElementType.Bool).Node("If", "c", "o", ("then_branch", Body().Node("Unheard", "c", "a").Output("a").Graph), ("else_branch", Body().Node("Unheard", "c", "b").Output("b").Graph)).Output("o"), new Inputs { ["c"] = True }, "Unheard");

    [Test]
    public void ConditionIsNoSingleBool()
    {
        Fails<InvalidGraphException>(new ModelBuilder(17).Input("c", ElementType.Bool, 2).Input("e", ElementType.Float32).Node("If", "c", "o p", ("then_branch", Then()), ("else_branch", Else())).Output("o"), new Inputs { ["c"] = TensorBuffer.Create<bool>([true, false], 2), ["e"] = TestTensors.Floats(1) }, "If");
        Fails<InvalidGraphException>(new ModelBuilder(17).Initializer("c", TestTensors.Floats(1)).Input("e", ElementType.Float32).Node("If", "c", "o p", ("then_branch", Then()), ("else_branch", Else())).Output("o"), new Inputs { ["e"] = TestTensors.Floats(1) }, "If");
    }

    [Test]
    public void BranchIsMissing() =>
        Fails<InvalidGraphException>(new ModelBuilder(17).Input("c", ElementType.Bool).Input("e", ElementType.Float32, 3).Node("If", "c", "o p", ("then_branch", Then())).Output("o"), new Inputs { ["c"] = False, ["e"] = TestTensors.Floats(1, 3) }, "else_branch");

    [Test]
    public void BranchMakesTooLittle([Values] bool isKnown)
    {
        ModelBuilder builder = new ModelBuilder(17).Input("e", ElementType.Float32, 3).Node("If", "c", "o p", ("then_branch", Body().Node("Neg", "e", "n").Output("n").Graph), ("else_branch", Else())).Output("o");
        Inputs inputs = new() { ["e"] = TestTensors.Floats(1, 3) };
        if (isKnown)
        {
            builder.Initializer("c", True);
        }
        else
        {
            builder.Input("c", ElementType.Bool);
            inputs["c"] = True;
        }

        Fails<InvalidGraphException>(builder, inputs, "2 outputs");
    }

    [Test]
    public void BodiesThatDoNotFit()
    {
        Inputs inputs = new() { ["x"] = TestTensors.Floats(1, 3) };
        GraphProto body = LoopBody().Input("s", ElementType.Float32, 3).Node("Identity", "c", "again").Node("Neg", "s", "u").Output("again", ElementType.Bool).Output("u").Graph;
        Fails<InvalidGraphException>(new ModelBuilder(17).Input("x", ElementType.Float32, 3).Initializer("n", TensorBuffer.Create<long>([3])).Node("Loop", "n - x x", "o p", ("body", body)).Output("o"), inputs, "Loop");
        Fails<InvalidGraphException>(new ModelBuilder(17).Input("x", ElementType.Float32, 3).Initializer("n", TestTensors.Integers(3, 3)).Node("Loop", "n - x", "o", ("body", body.Clone())).Output("o"), inputs, "Loop");
        Fails<InvalidGraphException>(new ModelBuilder(17).Input("x", ElementType.Float32, 3).Node("Scan", "x", "o", ("body", body.Clone()), ("num_scan_inputs", 3)).Output("o"), inputs, "Scan");
        Fails<InvalidGraphException>(new ModelBuilder(17).Input("x", ElementType.Float32, 3).Node("Scan", "x x", "o", ("body", Body().Input("a", ElementType.Float32).Input("b", ElementType.Float32).Node("Neg", "a", "na").Output("na").Graph), ("num_scan_inputs", 2), ("scan_input_axes", new[] { 0, 5 })).Output("o"), inputs, "axis 5");
        Fails<InvalidGraphException>(
            new ModelBuilder(17).Input("x", ElementType.Float32, 3).Initializer("n", TensorBuffer.Create<long>([3]))
                .Node("Loop", "n - x", "o", ("body", LoopBody().Input("s", ElementType.Float32, 3).Node("Identity", "c", "again").Node("Cast", "s", "u", ("to", 7)).Output("again", ElementType.Bool).Output("u", ElementType.Int64).Graph)).Output("o"),
            inputs, "carried");
    }

    [Test]
    public void CollectedShapesChange() =>
        Fails<InvalidGraphException>(
            new ModelBuilder(17).Input("x", ElementType.Float32, 1).Initializer("n", TensorBuffer.Create<long>([3]))
                .Node("Loop", "n - x", "o all", ("body", Declared(LoopBody().Input("s", ElementType.Float32, -1).Node("Identity", "c", "again").Node("Concat", "s s", "u", ("axis", 0)).Node("Neg", "u", "v").Output("again", ElementType.Bool).Output("u").Graph, ModelBuilder.Declare("v", ElementType.Float32, -1)))).Output("all"),
            new Inputs { ["x"] = TestTensors.Floats(1, 1) }, "collected");

    private static TensorBuffer True => TensorBuffer.Create<bool>([true]);

    private static TensorBuffer False => TensorBuffer.Create<bool>([false]);

    private static ModelBuilder Body() => new(17);

    private static ModelBuilder LoopBody(string suffix = "") => Body().Input($"i{suffix}", ElementType.Int64).Input($"c{suffix}", ElementType.Bool);

    private static GraphProto Then() => Body().Initializer("three", TensorBuffer.Create<float>([3])).Node("Mul", "e three", "m").Output("m").Output("e2").Node("Identity", "e", "e2").Graph;

    private static GraphProto Else() => Body().Node("Concat", "e e", "twice", ("axis", 0)).Node("Neg", "e", "n").Output("twice").Output("n").Graph;

    private static NodeProto Identity(string input, string output)
    {
        NodeProto node = new() { OpType = "Identity" };
        node.Input.Add(input);
        node.Output.Add(output);
        return node;
    }

    private static GraphProto Declared(GraphProto graph, params ValueInfoProto[] outputs)
    {
        graph.Output.Add(outputs);
        return graph;
    }

    private static void Check(ModelBuilder builder, params Inputs[] runs)
    {
        byte[] model = builder.ToBytes();
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model), new SessionOptions { ThreadCount = 2 });
        for (int i = 0; i < runs.Length; i++)
        {
            RunResult result = session.Run(runs[i]);
            foreach ((string name, TensorBuffer expected) in Oracle.Run(model, runs[i]))
            {
                TestTensors.AssertClose(result[name], expected, 1e-5, $"run {i}, {name}");
            }
        }
    }

    private static void Fails<TException>(ModelBuilder builder, Inputs inputs, string part)
        where TException : OnnxStreamException
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", builder.ToBytes());
        Assert.That(
            () =>
            {
                using InferenceSession session = new(path);
                session.Run(inputs);
            },
            Throws.TypeOf<TException>().With.Message.Contains(part));
    }
}
