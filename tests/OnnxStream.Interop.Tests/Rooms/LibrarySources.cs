using System.Collections.Concurrent;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace OnnxStream.Interop.Tests.Rooms;

/// <summary>
/// The sources of the library as the compiler understands them. The room of a type is the folder of its file, whatever its namespace:
/// types that a user's program needs are in the root namespace wherever they lie.
/// </summary>
internal sealed class LibrarySources
{
    /// <summary>The room of the files that lie in no folder.</summary>
    public const string Root = "(root)";

    /// <summary>The assembly of XNNPACK's functions, which only some rooms may call.</summary>
    public const string Bindings = "Bindings";

    private const string Namespace = "OnnxStream.Interop";

    // What the SDK puts into obj/*.GlobalUsings.g.cs.
    private const string ImplicitUsings = """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Net.Http;
        global using System.Threading;
        global using System.Threading.Tasks;
        """;

    private readonly string _folder = Repository.PathOf("src", Namespace);
    private readonly CSharpCompilation _compilation;
    private readonly HashSet<string> _names;
    private readonly ConcurrentDictionary<Arrow, ConcurrentDictionary<string, bool>> _arrows = new();
    private readonly ConcurrentBag<string> _unknown = [];

    private LibrarySources()
    {
        CSharpParseOptions options = new(LanguageVersion.Preview);
        IEnumerable<string> files = Directory.EnumerateFiles(_folder, "*.cs", SearchOption.AllDirectories)
            .Where(file => Path.GetRelativePath(_folder, file).Split(Path.DirectorySeparatorChar)[0] is not ("bin" or "obj"));
        SyntaxTree[] trees = [.. files.AsParallel().Select(file => CSharpSyntaxTree.ParseText(File.ReadAllText(file), options, file))];

        // What several assemblies are compiled with belongs to no room.
        IEnumerable<SyntaxTree> shared = Directory.EnumerateFiles(Repository.PathOf("src", "Shared"), "*.cs").Select(file => CSharpSyntaxTree.ParseText(File.ReadAllText(file), options));
        string[] assemblies = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator);
        _compilation = CSharpCompilation.Create(
            Namespace,
            [.. trees, CSharpSyntaxTree.ParseText(ImplicitUsings, options), .. shared],
            assemblies.Where(path => Path.GetFileNameWithoutExtension(path) != Namespace).Select(path => MetadataReference.CreateFromFile(path)),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Disable));
        Rooms = new SortedSet<string>(trees.Select(RoomOf), StringComparer.Ordinal);
        _names = NamesOf(trees);
        Parallel.ForEach(trees.Where(tree => !IsGenerated(tree)), Examine);
    }

    /// <summary>The folders that have sources.</summary>
    public IReadOnlySet<string> Rooms { get; }

    /// <summary>Which room uses which, with the places: "file: type".</summary>
    public IReadOnlyDictionary<Arrow, IReadOnlyList<string>> Arrows =>
        _arrows.ToDictionary(pair => pair.Key, pair => (IReadOnlyList<string>)[.. pair.Value.Keys.Order(StringComparer.Ordinal)]);

    /// <summary>Names that mean nothing to the compiler: an arrow may hide there.</summary>
    public IReadOnlyCollection<string> UnknownNames => _unknown;

    public static LibrarySources Read() => new();

    /// <summary>Files whose namespace is neither that of their room nor, with nothing but public types, the root.</summary>
    public IEnumerable<string> MisplacedFiles()
    {
        foreach (SyntaxTree tree in _compilation.SyntaxTrees.Where(tree => tree.FilePath.Length > 0))
        {
            foreach (BaseNamespaceDeclarationSyntax declaration in tree.GetRoot().ChildNodes().OfType<BaseNamespaceDeclarationSyntax>())
            {
                string name = declaration.Name.ToString();
                bool isPublic = declaration.Members.OfType<MemberDeclarationSyntax>().All(member => member.Modifiers.Any(SyntaxKind.PublicKeyword));
                if (name != $"{Namespace}.{RoomOf(tree)}" && (name != Namespace || !isPublic))
                {
                    yield return $"{FileOf(tree)}: namespace {name}";
                }
            }
        }
    }

    /// <summary>Whether a type has such a member, or a constructor where the name is the type's own, in that file.</summary>
    public bool Declares(string type, string member, string file) => _compilation
        .GetSymbolsWithName(type, SymbolFilter.Type)
        .OfType<INamedTypeSymbol>()
        .SelectMany(symbol => member == type ? symbol.InstanceConstructors.CastArray<ISymbol>() : symbol.GetMembers(member))
        .Any(symbol => symbol.DeclaringSyntaxReferences.Any(reference => FileOf(reference.SyntaxTree) == file));

    private string FileOf(SyntaxTree tree) => Path.GetRelativePath(_folder, tree.FilePath).Replace(Path.DirectorySeparatorChar, '/');

    private string RoomOf(SyntaxTree tree) => FileOf(tree).Split('/') is [string folder, _, ..] ? folder : Root;

    private void Examine(SyntaxTree tree)
    {
        string from = RoomOf(tree), file = FileOf(tree);
        SemanticModel model = _compilation.GetSemanticModel(tree);
        foreach (SyntaxNode node in tree.GetRoot().DescendantNodes())
        {
            switch (node)
            {
                // A using that only a comment needs is an arrow, too: it is what a reader sees first.
                case UsingDirectiveSyntax { Name: { } name } when name.ToString().Split('.') is ["OnnxStream", "Interop", string room, ..]:
                    Add(from, room, $"{file}: using");
                    break;
                case SimpleNameSyntax name when _names.Contains(name.Identifier.Text) && !IsInUsing(name):
                    AddSymbol(model, name, from, file);
                    break;
            }
        }
    }

    private void AddSymbol(SemanticModel model, SimpleNameSyntax name, string from, string file)
    {
        SymbolInfo info = model.GetSymbolInfo(name);
        ISymbol[] symbols = info.Symbol is { } symbol ? [symbol] : [.. info.CandidateSymbols];
        if (symbols.Length == 0 && name.Parent is not NameColonSyntax)
        {
            _unknown.Add($"{file}({name.GetLocation().GetLineSpan().StartLinePosition.Line + 1}): {name.Identifier.Text}");
        }

        foreach (ISymbol found in symbols.Where(found => found is not INamespaceSymbol))
        {
            string type = (found as INamedTypeSymbol ?? found.ContainingType)?.Name ?? found.Name;
            foreach (string to in RoomsOf(found.OriginalDefinition))
            {
                Add(from, to, $"{file}: {type}");
            }
        }
    }

    private IEnumerable<string> RoomsOf(ISymbol symbol) =>
        symbol.ContainingAssembly?.Name == $"{Namespace}.{Bindings}" ? [Bindings] :
        symbol.DeclaringSyntaxReferences.Select(reference => reference.SyntaxTree).Where(tree => tree.FilePath.Length > 0).Select(RoomOf).Distinct();

    private void Add(string from, string to, string place)
    {
        if (from != to)
        {
            _arrows.GetOrAdd(new Arrow(from, to), _ => new()).TryAdd(place, true);
        }
    }

    // What the protocol buffer compiler writes knows nothing but itself.
    private static bool IsGenerated(SyntaxTree tree) => tree.FilePath.EndsWith(".g.cs", StringComparison.Ordinal);

    // Everything that a name in a source can mean if it makes an arrow. To look the others up would take most of the time.
    private HashSet<string> NamesOf(IEnumerable<SyntaxTree> trees)
    {
        HashSet<string> names = ["var"];
        IAssemblySymbol bindings = _compilation.SourceModule.ReferencedAssemblySymbols.Single(assembly => assembly.Name == $"{Namespace}.{Bindings}");
        foreach (INamedTypeSymbol type in bindings.GlobalNamespace.GetNamespaceMembers().SelectMany(TypesIn))
        {
            names.UnionWith(type.GetMembers().Select(member => member.Name).Append(type.Name));
        }

        foreach (SyntaxNode node in trees.Where(tree => !IsGenerated(tree)).SelectMany(tree => tree.GetRoot().DescendantNodes(node => node is not (BlockSyntax or ExpressionSyntax))))
        {
            SyntaxToken name = node switch
            {
                BaseTypeDeclarationSyntax type => type.Identifier,
                DelegateDeclarationSyntax type => type.Identifier,
                MethodDeclarationSyntax method => method.Identifier,
                PropertyDeclarationSyntax property => property.Identifier,
                VariableDeclaratorSyntax field => field.Identifier,
                EnumMemberDeclarationSyntax member => member.Identifier,
                ParameterSyntax { Parent.Parent: RecordDeclarationSyntax } property => property.Identifier,
                _ => default,
            };
            names.Add(name.Text);
        }

        return names;
    }

    private static IEnumerable<INamedTypeSymbol> TypesIn(INamespaceOrTypeSymbol container) =>
        container.GetMembers().OfType<INamespaceOrTypeSymbol>().SelectMany(member => member is INamedTypeSymbol type ? TypesIn(type).Prepend(type) : TypesIn(member));

    private static bool IsInUsing(SyntaxNode node) => node.FirstAncestorOrSelf<UsingDirectiveSyntax>() is not null;
}
