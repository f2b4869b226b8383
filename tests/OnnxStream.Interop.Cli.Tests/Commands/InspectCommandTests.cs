using System.Text.Json;

namespace OnnxStream.Interop.Cli.Tests.Commands;

internal sealed class InspectCommandTests
{
    [Test]
    public void Shows_what_a_model_consists_of()
    {
        using TemporaryFolder folder = new();
        string text = Invocation.Of("inspect", TinyModel.Write(folder)).AssertSucceeded().Output;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(text, Does.Match(@"(?m)^format +ONNX, operator set 17\r?$"));
            Assert.That(text, Does.Match(@"(?m)^parameters +6\r?$"));
            Assert.That(text, Does.Match(@"(?m)^ +input +x +float +\[batch,3\]\r?$"));
            Assert.That(text, Does.Match(@"(?m)^ +output +scores/0 +float +\[batch,2\]\r?$"));
            Assert.That(text, Does.Match(@"(?m)^ +MatMul +1\r?$"));
            Assert.That(text, Does.Match(@"(?m)^ +all +2\r?$"));
        }
    }

    [Test]
    public void Json_has_the_promised_members()
    {
        using TemporaryFolder folder = new();
        using JsonDocument json = JsonDocument.Parse(Invocation.Of("inspect", TinyModel.Write(folder), "--json").AssertSucceeded().Output);
        JsonElement report = json.RootElement;
        JsonElement shape = report.GetProperty("inputs")[0].GetProperty("shape");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.GetProperty("format").GetString(), Is.EqualTo("ONNX"));
            Assert.That(report.GetProperty("opset").GetInt64(), Is.EqualTo(17));
            Assert.That(report.GetProperty("inputs")[0].GetProperty("name").GetString(), Is.EqualTo("x"));
            Assert.That(shape[0].GetString(), Is.EqualTo("batch"));
            Assert.That(shape[1].GetInt64(), Is.EqualTo(3));
            Assert.That(report.GetProperty("outputs")[0].GetProperty("type").GetString(), Is.EqualTo("float"));
            Assert.That(
                report.GetProperty("operators").EnumerateArray().Select(op => (op.GetProperty("type").GetString(), op.GetProperty("count").GetInt32())),
                Is.EquivalentTo(new[] { ("MatMul", 1), ("Relu", 1) }));
            Assert.That(report.GetProperty("parameters").GetInt64(), Is.EqualTo(6));
            Assert.That(report.GetProperty("flops").ValueKind, Is.EqualTo(JsonValueKind.Null).Or.EqualTo(JsonValueKind.Number));
        }
    }

    [Test]
    public void Inputs_with_default_values_are_told_apart()
    {
        using TemporaryFolder folder = new();
        string model = new ProtoModel().Input("x", ElementType.Float32, 2).Input("step", ElementType.Float32, 2).Initializer("step", ElementType.Float32, [2], 1f, 2f)
            .Node("Add", "x step", "y").Output("y").Write(folder);
        Assert.That(Invocation.Of("inspect", model).AssertSucceeded().Output, Does.Match(@"(?m)^ +input +x +float +\[2\]\r?$").And.Match(@"(?m)^ +input with default +step +float +\[2\]\r?$"));
        using JsonDocument json = JsonDocument.Parse(Invocation.Of("inspect", model, "--json").AssertSucceeded().Output);
        Assert.That(json.RootElement.GetProperty("inputs").GetArrayLength(), Is.EqualTo(1));
        Assert.That(json.RootElement.GetProperty("optional_inputs")[0].GetProperty("name").GetString(), Is.EqualTo("step"));
    }

    [Test]
    public void The_plan_counts_steps_by_kernel()
    {
        using TemporaryFolder folder = new();
        string model = TinyModel.Write(folder);
        Assert.That(Invocation.Of("inspect", model, "--plan").AssertSucceeded().Output, Does.Contain("kernel").And.Contains("steps"));
        using JsonDocument json = JsonDocument.Parse(Invocation.Of("inspect", model, "--plan", "--json").AssertSucceeded().Output);
        Assert.That(json.RootElement.GetProperty("steps").EnumerateArray().Sum(step => step.GetProperty("count").GetInt32()), Is.Positive);
    }

    [Test]
    public void A_model_with_unsupported_operators_can_still_be_inspected()
    {
        using TemporaryFolder folder = new();
        string text = Invocation.Of("inspect", TinyModel.Write(folder, opType: "Frobnicate")).AssertSucceeded().Output;
        Assert.That(text, Does.Match(@"(?m)^ +Frobnicate +1 +not supported\r?$"));
    }
}
