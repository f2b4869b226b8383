using OnnxStream.Interop.Cli.Tensors;
using OnnxStream.Interop.Diffusion;

namespace OnnxStream.Interop.Cli.Tests.Tensors;

internal sealed class InputTensorsTests
{
    [Test]
    public void Random_inputs_suit_a_text_encoder()
    {
        using TemporaryFolder folder = new();
        string model = TextEncoder().Write(folder);
        Invocation.Of("run", model).AssertSucceeded();
        Invocation.Of("run", model, "--dim", "batch=4", "--dim", "sequence=20", "-o", folder.Path).AssertSucceeded();
        Assert.That(NpyFile.Load(folder["y.npy"]).Shape, Is.EqualTo(new Shape(4, 20, 3)));
        Dictionary<string, TensorBuffer> inputs = Create(folder, TextEncoder(), [], ("batch", 4), ("sequence", 20));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(inputs["input_ids"].Span<long>().ToArray(), Is.All.InRange(0, 4).And.Some.EqualTo(4));
            Assert.That(inputs["token_type_ids"].Span<int>().ToArray(), Is.All.InRange(0, 1).And.Some.EqualTo(1));
            Assert.That(inputs["attention_mask"].Span<long>().ToArray(), Is.All.EqualTo(1));
        }
    }

    [Test]
    public void Dimensions_that_are_not_there_are_refused_with_those_that_are()
    {
        using TemporaryFolder folder = new();
        string model = TextEncoder().Write(folder);
        foreach (string command in (string[])["run", "plan"])
        {
            Invocation.Of(command, model, "--dim", "length=4").AssertFailed(ExitCode.BadInput, "--dim length", "batch, sequence");
            Invocation.Of(command, model, "--dim", "batch=four").AssertFailed(ExitCode.BadInput, "'four' is not a whole number");
            Invocation.Of(command, model, "--dim", "batch=2", "--quiet").AssertSucceeded();
        }
    }

    [Test]
    public void Lists_say_what_open_dimensions_are()
    {
        using TemporaryFolder folder = new();
        Dictionary<string, TensorBuffer> inputs = Create(folder, TextEncoder(), ["input_ids=[1,2,3]", "attention_mask=ones", "token_type_ids=0"]);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(inputs["input_ids"].Shape, Is.EqualTo(new Shape(1, 3)));
            Assert.That(inputs["attention_mask"].Span<long>().ToArray(), Is.EqualTo(new long[] { 1, 1, 1 }));
            Assert.That(inputs["token_type_ids"].Span<int>().ToArray(), Is.EqualTo(new[] { 0, 0, 0 }));
            Assert.That(inputs["token_type_ids"].Shape, Is.EqualTo(new Shape(1, 3)));
        }
    }

    [Test]
    public void Inputs_that_are_not_given_are_random_and_said_to_be()
    {
        using TemporaryFolder folder = new();
        string model = TextEncoder().Write(folder);
        Invocation run = Invocation.Of("run", model, "--input", "input_ids=[[1,2]]", "--input", "attention_mask=[[1,0]]").AssertSucceeded();
        Assert.That(run.Error, Does.Contain("input token_type_ids: random int32[1,2], since it was not given").And.Not.Contain("input_ids: random int64"));
        Assert.That(Invocation.Of("run", model).AssertSucceeded().Error, Does.Not.Contain("random"));
    }

    [Test]
    public void Constants_reach_the_model()
    {
        using TemporaryFolder folder = new();
        string model = new ProtoModel().Input("x", ElementType.Float32, 2, 2).Input("step", ElementType.Float32).Input("n", ElementType.Float32, 1).Node("Mul", "x step", "m").Node("Add", "m n", "y").Output("y").Write(folder);
        Assert.That(Run("x=[[1,2],[3,4]]", "step=3", "n=0.5"), Is.EqualTo(new[] { 3.5f, 6.5f, 9.5f, 12.5f }));
        Assert.That(Run("x=ones", "step=-1e1", "n=zeros"), Is.EqualTo(new[] { -10f, -10, -10, -10 }));
        Assert.That(Run("x=[1,2,3,4]", "step=true", "n=[1]"), Is.EqualTo(new[] { 2f, 3, 4, 5 }));

        float[] Run(params string[] inputs)
        {
            Invocation.Of(["run", model, "-o", folder.Path, .. inputs.SelectMany(input => new[] { "--input", input })]).AssertSucceeded();
            return NpyFile.Load(folder["y.npy"]).Span<float>().ToArray();
        }
    }

    [Test]
    public void The_longest_name_that_fits_is_meant()
    {
        using TemporaryFolder folder = new();
        ProtoModel model = new ProtoModel().Input("a", ElementType.Float32).Input("a=b", ElementType.Float32).Input("a=b=c", ElementType.Float32).Node("Sum", "a a=b a=b=c", "y").Output("y");
        Dictionary<string, TensorBuffer> inputs = Create(folder, model, ["a=1", "a=b=2", "a=b=c=3"]);
        Assert.That(inputs.Select(input => (input.Key, input.Value.Span<float>()[0])), Is.EquivalentTo(new[] { ("a", 1f), ("a=b", 2f), ("a=b=c", 3f) }));
    }

    [Test]
    public void Pictures_are_inputs()
    {
        using TemporaryFolder folder = new();
        RgbImage image = new(4, 4);
        image.Pixels.Fill(255);
        PngFile.Write(folder["white.png"], image);
        string model = new ProtoModel().Input("image", ElementType.Float32, "batch", 3, 2, 2).Node("Identity", "image", "y").Output("y").Write(folder);
        Invocation.Of("run", model, "--input", $"image={folder["white.png"]}", "--image-mean", "0.5,0.5,0", "--image-std", "0.5,0.25,1", "--image-scale", "1/255", "-o", folder.Path).AssertSucceeded();
        Assert.That(NpyFile.Load(folder["y.npy"]).Span<float>().ToArray(), Is.EqualTo(new float[] { 1, 1, 1, 1, 2, 2, 2, 2, 1, 1, 1, 1 }).Within(1e-5));
        using (Assert.EnterMultipleScope())
        {
            Invocation.Of("run", model, "--image-mean", "red").AssertFailed(ExitCode.BadInput, "--image-mean red", "numbers with commas");
            Invocation.Of("run", model, "--image-std", "0").AssertFailed(ExitCode.BadInput, "--image-std", "divided by");
            Invocation.Of("run", model, "--image-scale", "1,2").AssertFailed(ExitCode.BadInput, "--image-scale 1,2");
            Invocation.Of("run", model, "--input", $"image={folder["white.png"]}", "--image-mean", "1,2").AssertFailed(ExitCode.BadInput, "2 numbers", "3 channels");
        }
    }

    [Test]
    public void Chosen_outputs_are_all_that_is_computed()
    {
        using TemporaryFolder folder = new();
        string model = new ProtoModel().Input("x", ElementType.Float32, 2).Node("Exp", "x", "a").Node("Frobnicate", "x", "b").Node("Neg", "x", "c").Output("a").Output("b").Output("c").Write(folder);
        Invocation.Of("run", model, "--output", "a", "--output", "c", "-o", folder["out"]).AssertSucceeded();
        Assert.That(Directory.GetFiles(folder["out"]).Select(Path.GetFileName), Is.EquivalentTo(new[] { "a.npy", "c.npy" }));
        Assert.That(Invocation.Of("plan", model, "--output", "a").AssertSucceeded().Output, Does.Match(@"(?m)^steps +1\r?$"));
        Invocation.Of("run", model, "--output", "d").AssertFailed(ExitCode.BadInput, "--output d", "it has: a: float");
        Invocation.Of("run", model).AssertFailed(ExitCode.BadInput, "Frobnicate");
    }

    [TestCase("input_ids=[[1,2],[3]]", "one length")]
    [TestCase("input_ids=2.5", "'2.5' is no element of input_ids: int64[batch,sequence]", "whole numbers")]
    [TestCase("token_type_ids=3000000000", "token_type_ids: int32")]
    [TestCase("input_ids=all", "'all' is neither a file", "ones, zeros or random")]
    [TestCase("input_ids=[[[1]]]", "input_ids", "[1,1,1]")]
    [TestCase("ids=1", "no input of that name", "input_ids: int64[batch,sequence]")]
    public void What_makes_no_sense_is_explained(string input, params string[] parts)
    {
        using TemporaryFolder folder = new();
        Invocation.Of("run", TextEncoder().Write(folder), "--quiet", "--input", input).AssertFailed(ExitCode.BadInput, parts);
    }

    [TestCase("run", "--input", "--dim", "--output", "image=", "step", "[[", "ones")]
    [TestCase("plan", "--dim", "--output")]
    public void The_help_has_an_example_of_each(string command, params string[] parts)
    {
        string examples = Invocation.Of(command, "--help").AssertSucceeded().Output.Split("Examples:")[1];
        foreach (string part in parts)
        {
            Assert.That(examples, Does.Contain(part));
        }
    }

    [Test]
    public void A_sequence_is_given_tensor_by_tensor()
    {
        using TemporaryFolder folder = new();
        string model = Sequences().Write(folder);
        NpyFile.Save(folder["b.npy"], TensorBuffer.Create<float>([4, 5], 2));
        string output = Invocation.Of("run", model, "--input", "s=[1,2,3]", "--input", $"s={folder["b.npy"]}", "--input", "s=6", "--dim", "n=2", "-o", folder["out"]).AssertSucceeded().Output;
        Assert.That(Directory.GetFiles(folder["out"]).Select(Path.GetFileName), Is.EquivalentTo(new[] { "o.0.npy", "o.1.npy", "o.2.npy", "length.npy", "has.npy" }));
        Assert.That(Enumerable.Range(0, 3).SelectMany(i => NpyFile.Load(Path.Combine(folder["out"], $"o.{i}.npy")).Span<float>().ToArray()), Is.EqualTo(new float[] { 1, 2, 3, 4, 5, 6, 6 }));
        Assert.That(NpyFile.Load(Path.Combine(folder["out"], "length.npy")).Span<long>()[0], Is.EqualTo(3));
        Assert.That(output, Does.Contain("o[2]").And.Contain("no content"));
        Assert.That(Invocation.Of("run", model, "--input", "s=none", "--input", "x=[7,8]", "--json").AssertSucceeded().Output, Does.Contain("seq(float)"));
    }

    [Test]
    public void A_sequence_cannot_be_made_up()
    {
        using TemporaryFolder folder = new();
        string model = Sequences().Write(folder);
        Invocation.Of("run", model).AssertFailed(ExitCode.BadInput, "'s: seq(float[n])' is a sequence", "--input s=VALUE", "--input s=none");
        Invocation.Of("run", model, "--input", "s=none", "--input", "s=[1]").AssertFailed(ExitCode.BadInput, "--input s=none");
        Invocation.Of("run", model, "--input", "s=[[1]]").AssertFailed(ExitCode.BadInput, "'s'", "seq(float[n])");
    }

    [Test]
    public void Sequences_are_described_and_planned_around()
    {
        using TemporaryFolder folder = new();
        string model = Sequences().Write(folder);
        Assert.That(Invocation.Of("inspect", model).AssertSucceeded().Output, Does.Contain("seq(float)").And.Contain("optional(float)").And.Contain("[n]"));
        Assert.That(Invocation.Of("inspect", model, "--json").AssertSucceeded().Output, Does.Contain("\"seq(float)\"").And.Contain("\"optional(float)\""));
        Assert.That(Invocation.Of("plan", model).AssertSucceeded().Output, Does.Contain("the input 's' is a sequence"));
    }

    // A sequence that is returned and counted, and an optional tensor that is asked about and returned.
    private static ProtoModel Sequences() => new ProtoModel(18)
        .Input("s", ElementType.Float32, true, false, "n").Input("x", ElementType.Float32, false, true, 2)
        .Node("OptionalHasElement", "x", "has").Node("Identity", "s", "o").Node("SequenceLength", "s", "length").Node("Identity", "x", "y")
        .Output("o", ElementType.Float32, true, false).Output("length", ElementType.Int64).Output("has", ElementType.Bool).Output("y", ElementType.Float32, false, true);

    // As exporters write them: words, and two kinds of sentences, of a vocabulary of five; the mask is added to scores.
    private static ProtoModel TextEncoder() => new ProtoModel()
        .Input("input_ids", ElementType.Int64, "batch", "sequence").Input("attention_mask", ElementType.Int64, "batch", "sequence").Input("token_type_ids", ElementType.Int32, "batch", "sequence")
        .Initializer("words", ElementType.Float32, [5, 3], [.. Enumerable.Range(0, 15).Select(i => (float)i)]).Initializer("kinds", ElementType.Float32, [2, 3], 1f, 2f, 3f, 4f, 5f, 6f)
        .Initializer("axes", ElementType.Int64, [1], 2L)
        .Node("Gather", "words input_ids", "w").Node("Cast", "token_type_ids", "wide", ("to", 7)).Node("Gather", "kinds wide", "k").Node("Add", "w k", "h")
        .Node("Cast", "attention_mask", "mask", ("to", 1)).Node("Unsqueeze", "mask axes", "m").Node("Mul", "h m", "y").Output("y");

    private static Dictionary<string, TensorBuffer> Create(TemporaryFolder folder, ProtoModel model, string[] arguments, params (string Name, long Value)[] dimensions) =>
        new InputTensors(Model.Load(model.Write(folder)), arguments, dimensions.ToDictionary(dimension => dimension.Name, dimension => dimension.Value), 1, PictureOptions.Default).Create(_ => { }).ToDictionary(input => input.Key, input => (TensorBuffer)input.Value);
}
