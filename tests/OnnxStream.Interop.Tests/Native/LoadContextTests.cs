using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Tests.Weights;

namespace OnnxStream.Interop.Tests.Native;

/// <summary>Hosts that load the library into load contexts of their own, unload those, and decide themselves where the native library comes from.</summary>
[NonParallelizable]
public class LoadContextTests
{
    private static readonly string[] s_own = ["OnnxStream.Interop", "OnnxStream.Interop.Bindings", "OnnxStream.Interop.Tests"];

    [Test]
    public void ALibraryThatWasUsedIsUnloaded([Values] bool withDependencies, [Values] bool disposes)
    {
        using TemporaryFolder folder = new();
        string path = SmallModel.Write(folder);
        using InferenceSession outside = new(path, new SessionOptions { ThreadCount = 2 });
        SmallModel.Check(outside.Run(SmallModel.Inputs), "at first");
        long live = MemoryDiagnostics.LiveBytes;
        for (int round = 0; round < 3; round++)
        {
            WeakReference context = UseInContext(path, withDependencies, disposes, outside);
            for (int i = 0; i < 100 && context.IsAlive; i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                Thread.Sleep(10);
            }

            Assert.That(context.IsAlive, Is.False, $"round {round}");

            // What XNNPACK was given by the first of them still serves the others.
            SmallModel.Check(outside.Run(SmallModel.Inputs), "after unloading");
            Assert.That(MemoryDiagnostics.LiveBytes, Is.EqualTo(live), "counted for the process, whichever copy allocates");
        }
    }

    [Test]
    public void AHostsOwnResolver([Values("finds", "finds nothing", "comes late")] string kind)
    {
        using TemporaryFolder folder = new();
        string path = SmallModel.Write(folder);
        Context context = new(withDependencies: true);
        Assembly bindings = context.LoadFromAssemblyName(new AssemblyName(s_own[1]));
        List<string> asked = [];
        nint Resolve(string name, Assembly assembly, DllImportSearchPath? search)
        {
            asked.Add(name);
            return kind == "finds" ? NativeLibrary.Load(Path.Combine(AppContext.BaseDirectory, NativeLibraryResolver.FileName)) : 0;
        }

        if (kind == "comes late")
        {
            Run(context, path, disposes: true, outside: null);
            Assert.That(() => NativeLibrary.SetDllImportResolver(bindings, Resolve), Throws.InvalidOperationException, ".NET has one place, and the library was found already");
        }
        else
        {
            NativeLibrary.SetDllImportResolver(bindings, Resolve);
        }

        Run(context, path, disposes: true, outside: null);
        Assert.That(asked, kind == "comes late" ? Is.Empty : Does.Contain(NativeLibraryResolver.LibraryName));
        context.Unload();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference UseInContext(string path, bool withDependencies, bool disposes, InferenceSession outside)
    {
        Context context = new(withDependencies);
        Run(context, path, disposes, outside);
        context.Unload();
        return new WeakReference(context);
    }

    // Calls the copy of this class that was compiled against the same types, which are others in the context.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Run(Context context, string path, bool disposes, InferenceSession? outside)
    {
        Assembly library = context.LoadFromAssemblyName(new AssemblyName(s_own[0]));
        Assert.That(library, Is.Not.SameAs(typeof(InferenceSession).Assembly));
        Assembly tests = context.LoadFromAssemblyName(typeof(LoadContextTests).Assembly.GetName());
        MethodInfo run = tests.GetType(typeof(LoadContextTests).FullName!)!.GetMethod(nameof(RunInside))!;
        byte[][] inputs = [.. SmallModel.Inputs.Values.Select(tensor => tensor.Bytes.ToArray())];
        Action between = () =>
        {
            if (outside is not null)
            {
                SmallModel.Check(outside.Run(SmallModel.Inputs), "beside the other copy");
            }
        };
        byte[][] outputs = (byte[][])run.Invoke(null, [path, inputs, disposes, between])!;
        int i = 0;
        foreach ((string name, TensorBuffer expected) in SmallModel.Expected.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            TensorBuffer actual = new(expected.ElementType, expected.Shape);
            outputs[i++].CopyTo(actual.Bytes);
            TestTensors.AssertClose(actual, expected, 1e-4, name);
        }
    }

    /// <summary>Runs the small model with the library of the load context that this class is in.</summary>
    public static byte[][] RunInside(string path, byte[][] inputs, bool disposes, Action between)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(between);
        TensorBuffer image = new(ElementType.Float32, new Shape(1, 4, 6, 5));
        TensorBuffer ids = new(ElementType.Int64, new Shape(3));
        inputs[0].CopyTo(image.Bytes);
        inputs[1].CopyTo(ids.Bytes);
        InferenceSession session = new(path, new SessionOptions { ThreadCount = 2 });
        byte[][] outputs = [];
        for (int i = 0; i < 3; i++)
        {
            RunResult result = session.Run(new Dictionary<string, TensorBuffer> { ["image"] = image, ["ids"] = ids });
            outputs = [.. result.Outputs.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Value.Bytes.ToArray())];
            between();
        }

        if (disposes)
        {
            session.Dispose();
        }

        return outputs;
    }

    private sealed class Context(bool withDependencies) : AssemblyLoadContext("plugin", isCollectible: true)
    {
        protected override Assembly? Load(AssemblyName assemblyName)
        {
            string file = Path.Combine(AppContext.BaseDirectory, $"{assemblyName.Name}.dll");
            bool isLoadedHere = s_own.Contains(assemblyName.Name) || (withDependencies && File.Exists(file) && !assemblyName.Name!.StartsWith("nunit", StringComparison.OrdinalIgnoreCase));
            return isLoadedHere ? LoadFromAssemblyPath(file) : null;
        }
    }
}
