using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using OnnxStream.Interop.Bindings;

namespace OnnxStream.Interop.Tests.Bindings;

public class BindingsTests
{
    private static readonly Assembly s_assembly = typeof(Xnnpack).Assembly;

    private static readonly (string EntryPoint, MethodInfo Method)[] s_imports =
    [
        .. s_assembly.GetTypes().SelectMany(type => type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            .Select(method => (Method: method, Import: method.GetCustomAttribute<DllImportAttribute>()))
            .Where(pair => pair.Import is not null)
            .Select(pair => (pair.Import!.EntryPoint ?? pair.Method.Name, pair.Method)),
    ];

    private static IEnumerable<Type> Structures => s_assembly.GetTypes()
        .Where(type => type is { IsValueType: true, IsEnum: false, IsNested: false, Namespace: "OnnxStream.Interop.Bindings" });

    [Test]
    public void EveryImportIsExported()
    {
        nint library = NativeLibrary.Load(NativeLibraryResolver.LibraryName, s_assembly, null);
        Assert.That(s_imports, Has.Length.GreaterThan(200));
        Assert.That(s_imports.Where(import => !NativeLibrary.TryGetExport(library, import.EntryPoint, out _)).Select(import => import.EntryPoint), Is.Empty);
        Assert.That(s_imports.Select(import => import.Method.GetCustomAttribute<DllImportAttribute>()!.Value), Is.All.EqualTo(NativeLibraryResolver.LibraryName));
        Assert.That(s_imports.Select(import => import.EntryPoint), Is.Unique);
    }

    [Test]
    public void EveryExportIsImported()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Ignore("The exports are read from an ELF file; other systems build from the same list of exports.");
        }

        string[] exports = [.. ElfDynamicSymbols.ExportedFunctions(Path.Combine(AppContext.BaseDirectory, NativeLibraryResolver.FileName))];
        Assert.That(exports, Has.Length.GreaterThan(200));
        Assert.That(exports.Except(s_imports.Select(import => import.EntryPoint)), Is.Empty);
    }

    [Test]
    public unsafe void StructuresAreAsLargeAsInC()
    {
        MethodInfo sizeOf = typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!;
        int compared = 0;
        foreach (Type structure in Structures)
        {
            fixed (byte* name = Encoding.UTF8.GetBytes($"{structure.Name}\0"))
            {
                int size = (int)Abi.onnxstream_sizeof(name);
                if (size == 0)
                {
                    Assert.That(structure.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic), Is.Empty, $"{structure.Name} is opaque in C");
                }
                else
                {
                    Assert.That(sizeOf.MakeGenericMethod(structure).Invoke(null, null), Is.EqualTo(size), structure.Name);
                    compared++;
                }
            }
        }

        Assert.That(compared, Is.EqualTo(10));
    }

    [Test]
    public void ImportsPassWhatNeedsNoMarshalling()
    {
        Assert.That(s_assembly.IsDefined(typeof(DisableRuntimeMarshallingAttribute)));
        Assert.That(s_imports.Where(import => import.Method.GetParameters().Select(parameter => parameter.ParameterType).Append(import.Method.ReturnType)
            .Any(type => !type.IsPointer && !type.IsFunctionPointer && !type.IsPrimitive && !type.IsEnum && type != typeof(void) && !type.IsValueType)).Select(import => import.EntryPoint), Is.Empty);
    }

    [Test]
    public void LibrariesThatCannotBeLoadedAreAllNamed()
    {
        using TemporaryFolder folder = new();
        string damaged = folder.Write("damaged.so", "no library");
        DllNotFoundException exception = Assert.Throws<DllNotFoundException>(() => NativeLibraryResolver.Load([folder["missing.so"], damaged], () => 0))!;
        string[] lines = exception.Message.Split(Environment.NewLine);
        Assert.That(lines[0], Is.EqualTo($"The native library '{NativeLibraryResolver.FileName}' for {NativeLibraryResolver.RuntimeIdentifier} could not be loaded. Tried:"));
        Assert.That(lines[1], Is.EqualTo($"  {folder["missing.so"]}: no such file"));
        Assert.That(exception.Message, Does.Contain($"  {damaged}: ").And.Contain("the runtime's own search paths: not found"));
        Assert.That(exception.Message, Does.Contain($"OnnxStream.Interop.Native.{NativeLibraryResolver.RuntimeIdentifier}").And.Contain("./build.sh native").And.Contain(NativeLibraryResolver.EnvironmentVariable));
    }

    [Test]
    public void AlpineLinuxIsToldAboutMusl()
    {
        DllNotFoundException exception = Assert.Throws<DllNotFoundException>(() => NativeLibraryResolver.Load(["missing.so"], () => 0, system: "linux-musl-x64"))!;
        Assert.That(exception.Message, Does.Contain("musl").And.Contain("glibc").And.Contain(NativeLibraryResolver.EnvironmentVariable));
    }

    [Test]
    public void ALibraryForAnotherProcessorIsNamedAsSuch()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Ignore("The processor of a library is read from ELF files only.");
        }

        // The beginning of a library for the other processor is enough to be told apart from a damaged file.
        byte[] header = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, NativeLibraryResolver.FileName))[..64];
        bool isArm = header[18] == 183;
        header[18] = isArm ? (byte)62 : (byte)183;
        using TemporaryFolder folder = new();
        string path = folder.Write("other.so", header);
        DllNotFoundException exception = Assert.Throws<DllNotFoundException>(() => NativeLibraryResolver.Load([path], () => 0))!;
        string other = isArm ? "linux-x64" : "linux-arm64";
        Assert.That(exception.Message, Does.Contain($"{path}: is for {other}").And.Contain($"dotnet publish -r {NativeLibraryResolver.RuntimeIdentifier}"));
    }

    [Test]
    public void TheFirstLibraryThatCanBeLoadedIsTaken()
    {
        string library = Path.Combine(AppContext.BaseDirectory, NativeLibraryResolver.FileName);
        nint handle = NativeLibraryResolver.Load(["missing", library], () => throw new InvalidOperationException("not asked"));
        Assert.That(handle, Is.Not.Zero);
        NativeLibrary.Free(handle);
        Assert.That(NativeLibraryResolver.Load([], () => 42), Is.EqualTo((nint)42));
    }
}
