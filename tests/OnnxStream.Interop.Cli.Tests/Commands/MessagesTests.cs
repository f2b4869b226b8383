using OnnxStream.Interop.Cli.Tensors;

namespace OnnxStream.Interop.Cli.Tests.Commands;

/// <summary>Whatever is wrong with what the tool is given, it says so in words of its own.</summary>
internal sealed class MessagesTests
{
    private static readonly string[][] s_arguments =
    [
        ["run", "MODEL", "--seed", "1.5"], ["run", "MODEL", "--repeat", "99999999999999"], ["run", "MODEL", "--threads", "two"], ["run", "MODEL", "--json=maybe"], ["run", "MODEL", "--quiet=maybe"],
        ["run", "MODEL", "--memory", "12parsecs"], ["run", "MODEL", "--dim", "batch=1e3"], ["run", "MODEL", "--dim", "batch=99999999999999999999"], ["run", "MODEL", "--dim", "batch=9223372036854775807"],
        ["run", "MODEL", "--input", "x=[[1,2],[3]]"], ["run", "MODEL", "--input", "x=[1,a]"], ["run", "MODEL", "--input", "x=what"], ["run", "MODEL", "--input", "x=FOLDER"], ["run", "MODEL", "--input", "x=[[1,2]]"],
        ["run", "MODEL", "--input", "x=TEXT.png"], ["run", "MODEL", "--input", "x=TEXT.npy"], ["run", "MODEL", "--input", "x=TEXT.pb"], ["run", "MODEL", "--input", "x=INTEGERS.npy"], ["run", "MODEL", "--input", "y=1"],
        ["run", "MODEL", "--output", "nothing"], ["run", "MODEL", "--image-mean", "a,b"], ["run", "MODEL", "--image-scale", "1/0"], ["run", "MODEL", "--image-std", "0"], ["run", "MODEL", "--trace", "FOLDER"],
        ["run", "MODEL", "--output-dir", "MODEL"], ["run", "TEXT.onnx"], ["run", "EMPTY.onnx"], ["run", "CUT.onnx"], ["run", "UNKNOWN.onnx"], ["run", "ODD.onnx"], ["run", "KIND.onnx"], ["run", "TYPE.onnx"], ["run", "NOWHERE.onnx"], ["run", "FOLDER"],
        ["plan", "MODEL", "--top", "x"], ["plan", "MODEL", "--image", "picture.gif"], ["plan", "MODEL", "--all=maybe"], ["plan", "MODEL", "--dim", "b=1"], ["plan", "ODD.onnx"], ["plan", "KIND.onnx"], ["plan", "MODEL", "--output", "nothing"],
        ["inspect", "TEXT.onnx"], ["inspect", "KIND.onnx", "--plan"], ["inspect", "MODEL", "--json=3"], ["inspect", "MODEL", "MODEL"],
        ["pack", "MODEL", "--panel-type", "f8"], ["pack", "MODEL", "--threads", "x"], ["pack", "ODD.onnx"],
        ["convert", "TEXT.onnx", "FOLDER/new"], ["convert", "MODEL", "FOLDER"], ["cache", "burn"],
        ["calibrate", "MODEL", "--inputs", "TEXT.npy"], ["calibrate", "MODEL", "--inputs", "INTEGERS.npy"], ["calibrate", "MODEL", "--percentile", "x"], ["calibrate", "ODD.onnx"], ["calibrate", "MODEL", "--samples", "x"],
        ["quantize", "MODEL", "FOLDER/new.onnx"], ["quantize", "MODEL", "FOLDER/new.onnx", "--scheme", "w2"], ["quantize", "MODEL", "FOLDER/new.onnx", "--scheme", "w8a8", "--ranges", "TEXT.npy"], ["quantize", "MODEL", "FOLDER"],
        ["sd", "a cat", "--model", "FOLDER"], ["sd", "a cat", "--model", "FOLDER", "--steps", "many"], ["sd", "a cat", "--model", "FOLDER", "--seed", "1.5"], ["sd", "a cat", "--model", "FOLDER", "--guidance", "much"], ["sd", "a cat", "--model", "FOLDER", "--width", "x"],
        ["selftest", "--threads", "x"], ["frobnicate"],
    ];

    [Test]
    public void Results_name_no_types_of_the_programming_language([Values("plan", "inspect")] string command)
    {
        using TemporaryFolder folder = new();
        string model = new ProtoModel().Input("x", ElementType.Float64, 2, 3).Node("Relu", "x", "a").Node("Exp", "a", "b").Node("Add", "a b", "c").Node("ReduceSumSquare", "c", "y").Output("y").Write(folder);
        string[] arguments = command == "plan" ? ["plan", model, "--all"] : ["inspect", model, "--plan"];
        Assert.That(Invocation.Of(arguments).AssertSucceeded().Output, Does.Not.Match(@"System\.|`\d|Exception"));
    }

    [Test]
    public void Messages_name_no_types_of_the_programming_language([ValueSource(nameof(s_arguments))] string[] arguments)
    {
        using TemporaryFolder folder = new();
        string model = TinyModel.Write(folder);
        File.WriteAllText(folder["TEXT.onnx"], "this is no model");
        File.WriteAllText(folder["TEXT.npy"], "this is no tensor");
        File.WriteAllText(folder["TEXT.pb"], "this is no tensor");
        File.WriteAllText(folder["TEXT.png"], "this is no picture");
        File.WriteAllBytes(folder["EMPTY.onnx"], []);
        File.WriteAllBytes(folder["CUT.onnx"], File.ReadAllBytes(model)[..^20]);
        NpyFile.Save(folder["INTEGERS.npy"], TensorBuffer.Create<long>([1, 2, 3], 1, 3));
        TinyModel.Write(folder, "UNKNOWN.onnx", "Frobnicate");

        // Shapes that do not fit, an attribute of the wrong kind, and an input that is not of the type that its reader takes.
        new ProtoModel().Input("x", ElementType.Float32, 2).Input("z", ElementType.Float32, 3).Node("Add", "x z", "y").Output("y").Write(folder, "ODD.onnx");
        new ProtoModel().Input("x", ElementType.Float32, 2, 3).Node("Transpose", "x", "y", ("perm", 1)).Output("y").Write(folder, "KIND.onnx");
        new ProtoModel().Input("x", ElementType.String, 2).Node("Relu", "x", "y").Output("y").Write(folder, "TYPE.onnx");

        Invocation invocation = Invocation.Of([.. arguments.Select(Filled)]);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(invocation.ExitCode, Is.Not.Zero);
            Assert.That(invocation.Error.TrimEnd(), Is.Not.Empty.And.Not.Contains("\n"));
            Assert.That(invocation.Output + invocation.Error, Does.Not.Match(@"System\.|`\d|Exception|Object reference|Int64|Single|\[\]|\(Parameter"));
        }

        string Filled(string argument)
        {
            string value = argument[(argument.IndexOf('=') + 1)..];
            string prefix = argument[..^value.Length];
            return value == "MODEL" ? prefix + model : value.StartsWith("FOLDER", StringComparison.Ordinal) ? prefix + folder.Path + value["FOLDER".Length..] :
                Path.GetFileNameWithoutExtension(value) is "TEXT" or "EMPTY" or "CUT" or "UNKNOWN" or "ODD" or "KIND" or "TYPE" or "NOWHERE" or "INTEGERS" ? prefix + folder[value] : argument;
        }
    }
}
