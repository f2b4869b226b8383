namespace OnnxStream.Interop.Tests.Text;

/// <summary>Every rule of the grammar broken once, with the place that the message must name.</summary>
public class ModelTextTests
{
    private static readonly (string Line, int Column, string Expected)[] s_broken =
    [
        ("a:Sigmoid", 1, "found 1 field(s)"),
        ("a:Sigmoid*input:x(1)", 1, "found 2 field(s)"),
        ("a:Sigmoid*input:x(1)*output:y(1)*axis:1*", 1, "found 5 field(s)"),
        ("Sigmoid*input:x(1)*output:y(1)", 1, "expected 'name:operator', found 'Sigmoid'"),
        ("a:*input:x(1)*output:y(1)", 3, "expected the name of an operator"),
        ("a:Sigmoid*inputs:x(1)*output:y(1)", 11, "expected 'input:', found 'inputs:x(1)'"),
        ("a:Sigmoid*output:y(1)*input:x(1)", 11, "expected 'input:'"),
        ("a:Sigmoid*input:x(1)*y(1)", 22, "expected 'output:', found 'y(1)'"),
        ("a:Sigmoid*input:x(1)*output:", 22, "expected at least one output"),
        ("a:Sigmoid*input:x(1)*output:;", 22, "expected at least one output"),
        ("a:Sigmoid*input:x*output:y(1)", 17, "without '('"),
        ("a:Sigmoid*input:x(1)(2)*output:y(1)", 21, "expected one '('"),
        ("a:Sigmoid*input:x(1)b*output:y(1)", 21, "expected ')'"),
        ("a:Sigmoid*input:x(1*output:y(1)", 19, "expected ')'"),
        ("a:Sigmoid*input:(1)*output:y(1)", 17, "expected the name of a tensor"),
        ("a:Add*input:x(1);w.bin(float64:1)*output:y(1)", 24, "expected one of the types float32, float16, int64, uint8[scale,zero], found 'float64'"),
        ("a:Add*input:x(1);w.bin(:1)*output:y(1)", 24, "expected one of the types"),
        ("a:Add*input:x(1);w.bin(float32:1:2)*output:y(1)", 32, "expected a dimension"),
        ("a:Add*input:x(1);w.bin(uint8:1)*output:y(1)", 24, "expected one of the types"),
        ("a:Add*input:x(1);w.bin(uint8[1:1)*output:y(1)", 24, "expected one of the types"),
        ("a:Add*input:x(1);w.bin(uint8[1]:1)*output:y(1)", 24, "expected a scale and a zero point"),
        ("a:Add*input:x(1);w.bin(uint8[one,0]:1)*output:y(1)", 30, "expected a scale"),
        ("a:Add*input:x(1);w.bin(uint8[-1,0]:1)*output:y(1)", 30, "expected a scale that is not negative"),
        ("a:Add*input:x(1);w.bin(uint8[NaN,0]:1)*output:y(1)", 30, "expected a scale"),
        ("a:Add*input:x(1);w.bin(uint8[1e99,0]:1)*output:y(1)", 30, "expected a scale"),
        ("a:Add*input:x(1);w.bin(uint8[0.5,256]:1)*output:y(1)", 34, "expected a zero point from 0 to 255, found '256'"),
        ("a:Add*input:x(1);w.bin(uint8[0.5,-1]:1)*output:y(1)", 34, "expected a zero point"),
        ("a:Sigmoid*input:x(1,-2)*output:y(1)", 21, "expected a dimension that is not negative, found '-2'"),
        ("a:Sigmoid*input:x(1,)*output:y(1)", 21, "expected a dimension"),
        ("a:Sigmoid*input:x(1, 2)*output:y(1)", 21, "expected a dimension"),
        ("a:Sigmoid*input:x(n)*output:y(1)", 19, "expected a dimension that is not negative, found 'n'"),
        ("a:Sigmoid*input:x(99999999999999999999)*output:y(1)", 19, "expected a dimension"),
        ("a:Add*input:x(1);w.bin(float32:4294967296,4294967296)*output:y(1)", 18, "expected a shape whose elements can be counted"),
        ("a:Sigmoid*input:x(1)*output:y(1)*axis", 34, "expected an attribute as 'key:value', found 'axis'"),
        ("a:Sigmoid*input:x(1)*output:y(1)*:1", 34, "expected an attribute"),
        ("a:Sigmoid*input:x(1)*output:y(1)*axis:1;", 41, "expected an attribute"),
        ("a:Sigmoid*input:x(1)*output:y(1)*axis:1:2", 39, "without ':'"),
        ("a:Sigmoid*input:x(1)*output:y(1)*axis:1;axis:2", 41, "expected every attribute once"),
        ("a:Sigmoid*input:x(1)*output:y(1)*pads:1,b", 34, "expected integers separated by commas for attribute 'pads', found '1,b'"),
        ("a:Sigmoid*input:x(1)*output:y(1)*alpha:b", 34, "expected a number for attribute 'alpha'"),
        ("a:Sigmoid*input:x(1)*output:y.bin(float32:1)", 29, "found the type of a weight"),
        ("a:Sigmoid*input:x(1)*output:y(1);y(1)", 34, "expected a new name for an output, found 'y', which line 2 makes already"),
        ("a:Sigmoid*input:x(1)*output:x(1)", 29, "expected 'x' to be made before it is read in line 2"),
        ("a:Sigmoid*input:first(1)*output:first(2,3)", 33, "expected a new name for an output, found 'first', which line 1 makes already"),
        ("a:Sigmoid*input:first(1)*output:known(2,3)", 33, "expected 'known' to be made before it is read in line 1"),
        ("a:Sigmoid*input:known(3,3)*output:y(1)", 17, "expected the input 'known' with the shape (2,3) as in line 1, found (3,3)"),
        ("a:Add*input:x(1);../w.bin(float32:1)*output:y(1)", 18, "expected the name of a file in the model's folder, found '../w.bin'"),
        ("a:Add*input:x(1);/etc/passwd(float32:1)*output:y(1)", 18, "expected the name of a file"),
        ("a:Add*input:x(1);c:w.bin(float32:1)*output:y(1)", 18, "expected the name of a file"),
        ("a:Add*input:x(1);a\\w.bin(float32:1)*output:y(1)", 18, "expected the name of a file"),
        ("a:Add*input:x(1);..(float32:1)*output:y(1)", 18, "expected the name of a file"),
    ];

    [Test]
    public void BrokenLines([ValueSource(nameof(s_broken))] (string Line, int Column, string Expected) broken)
    {
        using TextFolder folder = new TextFolder().Lines("f:Sigmoid*input:known(2,3)*output:first(2,3)", broken.Line).Weight("w.bin", 1f);
        Assert.That(folder.Load, Throws.TypeOf<ModelFormatException>()
            .With.Message.StartsWith($"{Path.Combine(folder.Path, "model.txt")}: line 2, column {broken.Column}: ").And.Message.Contains(broken.Expected)
            .And.Property(nameof(ModelFormatException.Path)).EqualTo(Path.Combine(folder.Path, "model.txt")));
    }

    [Test]
    public void NothingInTheFile([Values("", "\n\r\n")] string text)
    {
        using TemporaryFolder folder = new();
        folder.Write("model.txt", text);
        Assert.That(() => Model.Load(folder.Path), Throws.TypeOf<ModelFormatException>().With.Message.Contains("expected at least one node"));
    }

    [Test]
    public void NotText()
    {
        using TemporaryFolder folder = new();
        folder.Write("model.txt", [(byte)'a', (byte)':', 0xFF, 0xFE, (byte)'\n']);
        Assert.That(() => Model.Load(folder.Path), Throws.TypeOf<ModelFormatException>().With.Message.Contains("UTF-8"));
    }

    [Test]
    public void LongTextsAreShortened()
    {
        using TextFolder folder = new TextFolder().Lines(new string('x', 100000) + "*input:x(1)*output:y(1)");
        Assert.That(folder.Load, Throws.TypeOf<ModelFormatException>().With.Message.Length.LessThan(400));
    }

    [TestCase("dimensions", "expected at most 64 dimensions")]
    [TestCase("value", "expected at most 1,048,576 characters for attribute 'axes'")]
    [TestCase("tensors", "expected at most 2,000,000 tensors and attributes")]
    [TestCase("lines", "expected at most 2,000,000 tensors and attributes")]
    [TestCase("bytes", "at most 67,108,864")]
    public void CountsAndLengthsHaveLimits(string what, string message)
    {
        string[] lines = what switch
        {
            "dimensions" => [$":Relu*input:x({string.Join(',', Enumerable.Repeat(1, 65))})*output:y(1)"],
            "value" => [$":Transpose*input:x(1)*output:y(1)*axes:{new string('1', (1 << 20) + 1)}"],
            "tensors" => [$":Concat*input:{string.Concat(Enumerable.Repeat("a();", 2_000_000))}*output:y(1)"],
            "lines" => [.. Enumerable.Repeat(":Relu*input:x(1)*output:y(1)", 1_000_001)],
            _ => [new string('x', (64 << 20) + 1)],
        };
        using TextFolder folder = new TextFolder().Lines(lines);
        Assert.That(folder.Load, Throws.TypeOf<ModelFormatException>().With.Message.Contains("model.txt").And.Message.Contains(message).And.Message.Length.LessThan(400));
    }

    [Test]
    public void MissingWeights()
    {
        using TextFolder folder = new TextFolder().Lines([.. Enumerable.Range(0, 12).Select(i => $":Add*input:x(1);w{i}.bin(float32:1)*output:y{i}(1)")]);
        Assert.That(folder.Load, Throws.TypeOf<ModelFormatException>().With.Message.Contains("found 12 missing: 'w0.bin' (line 1, column 17)").And.Message.Contains("…"));
        folder.Lines($":Add*input:x(1);w.bin(float32:1)*output:y(1)");
        Assert.That(folder.Load, Throws.TypeOf<ModelFormatException>().With.Message.Contains("found 1 missing: 'w.bin' (line 1, column 17). Download"));
    }

    [TestCase(0)]
    [TestCase(7)]
    [TestCase(9)]
    [TestCase(16)]
    public void WeightsOfAnotherSize(int size)
    {
        using TextFolder folder = new TextFolder().Lines(":Add*input:x(2);w.bin(float32:2)*output:y(2)").Weight("w.bin", new byte[size]);
        Assert.That(folder.Load, Throws.TypeOf<ModelFormatException>()
            .With.Message.StartsWith(Path.Combine(folder.Path, "w.bin")).And.Message.Contains("expected 8 bytes").And.Message.Contains("(line 1, column 17 of model.txt)").And.Message.Contains($"found {size}."));
    }

    [Test]
    public void AnyChangeOfAByteIsReadOrRefused()
    {
        byte[] text = "a:Conv*input:x(1,2,3,3);w_nchw.bin(uint8[0.5,1]:2,2,1,1);b.bin(float32:2)*output:y(1,2,3,3)*pads:0,0,0,0;alpha:1.0\r\nb:Split*input:y(1,2,3,3)*output:z(1,1,3,3);t(1,1,3,3)*axis:1\n"u8.ToArray();
        Random random = new(5);
        using TextFolder folder = new TextFolder().Weight("w_nchw.bin", new byte[4]).Weight("b.bin", 1f, 2f);
        for (int i = 0; i < 1000; i++)
        {
            byte[] changed = [.. text];
            for (int k = 0; k <= i % 3; k++)
            {
                changed[random.Next(changed.Length)] = (byte)random.Next(i % 2 == 0 ? 128 : 256);
            }

            if (i % 5 == 0)
            {
                changed = changed[..random.Next(changed.Length)];
            }

            folder.Weight("model.txt", changed);
            try
            {
                folder.Load();
            }
            catch (ModelFormatException)
            {
            }
        }
    }
}
