<?php
// Router of PHP's own web server: /<wiki>/api.php, /rest.php/..., /index.php, /wiki/<title>, /images/... of every wiki.
// phpcs:ignoreFile

$m4Site = getenv( 'M4_WIKIS_SITE' );
$m4Path = rawurldecode( parse_url( $_SERVER['REQUEST_URI'], PHP_URL_PATH ) ?: '/' );

if ( $m4Path === '/alive' ) {
	return true;
}

// Two lines for a request: one before a byte of the answer is sent, one with the status after the last.
$m4Note = static function ( array $line ) use ( $m4Site ) {
	$flags = JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE;
	file_put_contents( "$m4Site/hits.jsonl", json_encode( $line, $flags ) . "\n", FILE_APPEND | LOCK_EX );
};
$m4Number = bin2hex( random_bytes( 8 ) );
$m4Note( [
	'number' => $m4Number,
	'method' => $_SERVER['REQUEST_METHOD'],
	'target' => $_SERVER['REQUEST_URI'],
	'agent' => $_SERVER['HTTP_USER_AGENT'] ?? '',
] );
register_shutdown_function( static function () use ( $m4Note, $m4Number ) {
	$m4Note( [ 'number' => $m4Number, 'status' => http_response_code() ] );
} );

// Takes one of the refusals that are still to be given, if there are any.
$m4Refusal = ( static function () use ( $m4Site ) {
	$file = @fopen( "$m4Site/refusals", 'r+' );
	if ( !$file ) {
		return null;
	}
	flock( $file, LOCK_EX );
	$refusal = json_decode( stream_get_contents( $file ), true );
	$mine = $refusal && $refusal['count'] > 0 ? $refusal : null;
	if ( $mine ) {
		$refusal['count']--;
		ftruncate( $file, 0 );
		rewind( $file );
		fwrite( $file, json_encode( $refusal ) );
	}
	fclose( $file );
	return $mine;
} )();
if ( $m4Refusal ) {
	http_response_code( $m4Refusal['status'] );
	if ( $m4Refusal['retry_after'] !== null ) {
		header( "Retry-After: {$m4Refusal['retry_after']}" );
	}
	header( 'Content-Type: text/html' );
	echo '<p>Our servers are currently under maintenance or experiencing a technical problem.</p>';
	return true;
}

$m4Wikis = implode( '|', array_keys( json_decode( file_get_contents( "$m4Site/family.json" ), true )['names'] ) );
if ( preg_match( "~^/($m4Wikis)/images/([^.].*)$~", $m4Path, $m4Match ) ) {
	$m4File = realpath( "$m4Site/images/{$m4Match[1]}/{$m4Match[2]}" );
	if ( $m4File && str_starts_with( $m4File, realpath( $m4Site ) . '/images/' ) && is_file( $m4File ) ) {
		header( 'Content-Type: ' . mime_content_type( $m4File ) );
		header( 'Content-Length: ' . filesize( $m4File ) );
		readfile( $m4File );
		return true;
	}
} elseif ( preg_match( "~^/($m4Wikis)/(?:(api|rest|index|load)\.php|wiki/)(.*)$~", $m4Path, $m4Match ) ) {
	define( 'M4_WIKI', $m4Match[1] );
	$m4Script = $m4Match[2] ?: 'index';
	$_SERVER['SCRIPT_NAME'] = $_SERVER['PHP_SELF'] = "/{$m4Match[1]}/$m4Script.php";
	$_SERVER['SCRIPT_FILENAME'] = $_SERVER['DOCUMENT_ROOT'] . "/$m4Script.php";
	unset( $_SERVER['PATH_INFO'] );
	if ( $m4Match[2] && str_starts_with( $m4Match[3], '/' ) ) {
		$_SERVER['PATH_INFO'] = $m4Match[3];
	}
	chdir( $_SERVER['DOCUMENT_ROOT'] );
	require "./$m4Script.php";
	return true;
}
http_response_code( 404 );
header( 'Content-Type: text/plain' );
echo "nothing here\n";
return true;
